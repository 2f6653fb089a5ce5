"""A trained model is folded into a plain one, or the reason is given."""

import copy

import pytest
from bits import other_bits
from cases import CASES, pairs
from rounding import assert_equal_to_rounding
from tuned import output, state_of, tuned

from gps_seg.additions import merge
from gps_seg.delta import merged_state


def pairs_that(merge):
    return pytest.mark.parametrize(
        ('method', 'encoder'),
        [pair for pair in pairs() if (CASES[pair[0]].merges is True) is merge],
    )


@pairs_that(merge=True)
def test_the_merged_model_is_plain_and_computes_the_same(method, encoder):
    done = tuned(method, encoder)
    model = done.after_three()
    expected = output(model)
    assert (expected - output(done.base)).abs().max() > 1e-4
    merge(model)
    assert list(model.state_dict()) == list(done.base.state_dict())
    assert_equal_to_rounding(output(model), expected, terms=64, depth=16)
    plain = copy.deepcopy(done.base)
    plain.load_state_dict(merged_state(done.base.state_dict(), done.delta))
    assert_equal_to_rounding(output(plain), expected, terms=64, depth=16)


@pairs_that(merge=False)
def test_a_model_that_cannot_be_merged_says_why_and_stays(method, encoder):
    reason = CASES[method].merges
    done = tuned(method, encoder)
    model = done.after_three()
    before = state_of(model)
    with pytest.raises(ValueError, match=reason) as error:
        merge(model)
    assert 'cannot be merged' in str(error.value)
    with pytest.raises(ValueError, match=reason):
        merged_state(done.base.state_dict(), done.delta)
    for name, tensor in model.state_dict().items():
        assert not other_bits(tensor, before[name]).any(), name
