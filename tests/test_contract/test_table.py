"""The table of the contract is complete, and says what the methods say."""

import copy

import pytest
from bits import other_bits
from cases import CASES, built, pairs, type_of
from contract_models import ENCODERS, batch, small_model
from tuned import output

from gps_seg.peft import METHODS, tune


def test_every_method_has_a_row():
    assert METHODS.keys() == {type_of(row) for row in CASES}


def test_every_small_encoder_depends_on_its_input():
    for name in ENCODERS:
        logits = output(small_model(name).double())
        assert (logits - logits.mean(0)).abs().min() > 1e-3, name


@pytest.mark.parametrize('method', CASES)
def test_a_row_names_encoders_and_takes_some(method):
    refused = CASES[method].refuses.keys()
    assert refused < ENCODERS.keys()


@pytest.mark.parametrize('method', CASES)
def test_a_row_says_whether_data_is_needed(method):
    assert (built(method).evidence is not None) is CASES[method].scores


@pytest.mark.parametrize(('method', 'encoder'), pairs(refused=True))
def test_a_refusal_says_why_and_changes_nothing(method, encoder):
    model = small_model(encoder).double()
    before = copy.deepcopy(model)

    def no_data():
        raise AssertionError('the data was read')

    with pytest.raises(ValueError, match=CASES[method].refuses[encoder]) as e:
        tune(model, built(method), [no_data], seed=0)
    assert 'expected' in str(e.value) and 'got' in str(e.value)
    state = model.state_dict()
    assert state.keys() == before.state_dict().keys()
    for name, tensor in before.state_dict().items():
        assert not other_bits(state[name], tensor).any(), name
    assert all(p.requires_grad for p in model.parameters())
    model(*batch(), 'loss')['loss'].backward()
