"""Sums of deltas equal their definition; the ends are exact."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gps_seg.delta import (
    Delta,
    combine,
    extract,
    merged_state,
    overlap,
    quantized,
    rounded,
    scaled,
)


@pytest.mark.parametrize('alpha', [0, 1])
def test_the_ends_are_base_and_tuned(base, delta, tuned, alpha, state_bits):
    end = tuned if alpha else base
    found = merged_state(base, scaled(base, delta, alpha))
    assert state_bits(found) == state_bits(end)


EXTREME = [0.0, -0.0, 1.0, -1e-30, 3e38, -3e38, 1e-45, 0.1]


@given(
    base=st.lists(st.sampled_from(EXTREME), min_size=5, max_size=5),
    tuned=st.lists(st.sampled_from(EXTREME), min_size=5, max_size=5),
    alpha=st.sampled_from([0.0, 1.0]),
)
def test_the_ends_are_exact_for_extreme_values(base, tuned, alpha):
    base = {'x': torch.tensor(base), 'n': torch.tensor([2**62 + 1])}
    tuned = {'x': torch.tensor(tuned), 'n': torch.tensor([2**62 + 3])}
    delta = scaled(base, extract(base, tuned), alpha)
    end = tuned if alpha else base
    for name, found in merged_state(base, delta).items():
        assert torch.equal(
            found.view(torch.uint8), end[name].view(torch.uint8)
        )


def test_between_the_ends_it_interpolates(base, delta, tuned):
    found = merged_state(base, scaled(base, delta, 0.75))
    for name, value in found.items():
        expected = 0.25 * base[name].double() + 0.75 * tuned[name].double()
        if not value.is_floating_point():
            expected = expected.round()
        assert torch.equal(value, expected.to(value.dtype)), name


def test_a_sum_equals_its_definition(base, delta, other):
    weights = [0.5, -1.5]
    total = combine(base, [delta, other], weights)
    found = merged_state(base, total)
    states = [merged_state(base, one) for one in (delta, other)]
    for name, start in base.items():
        start = start.double()
        expected = start + sum(
            weight * (state[name].double() - start)
            for weight, state in zip(weights, states, strict=True)
        )
        if name.endswith('tracked'):
            expected = expected.round()
        torch.testing.assert_close(
            found[name].double(), expected, rtol=1e-6, atol=1e-6
        )


def test_a_sum_is_exact_where_one_delta_has_an_entry(base):
    one, two = dict(base), dict(base)
    name = 'backbone.2.weight'
    one[name], two[name] = base[name].clone(), base[name].clone()
    one[name][0, 0], two[name][1, 1] = 1e-30, -0.0
    both = merged_state(
        base, combine(base, [extract(base, one), extract(base, two)], [1, 1])
    )
    assert both[name][0, 0] == 1e-30 * torch.ones(())
    assert str(both[name][1, 1].item()) == '-0.0'
    both[name][0, 0], both[name][1, 1] = base[name][0, 0], base[name][1, 1]
    assert torch.equal(both[name], base[name])


def test_whole_and_partial_changes_add_up(base, delta):
    tuned = dict(base)
    tuned['backbone.2.weight'] = base['backbone.2.weight'] + 1
    total = combine(base, [delta, extract(base, tuned)], [1, 1])
    assert 'backbone.2.weight' not in total.selection
    found = merged_state(base, total)['backbone.2.weight']
    expected = merged_state(base, delta)['backbone.2.weight'] + 1
    torch.testing.assert_close(found, expected)


def test_new_tensors_stay_and_must_agree(base, delta, other):
    name = 'head.weight'
    one, two = newly(delta, name), newly(other, name)
    del base[name]
    half = scaled(base, one, 0.5)
    assert half.new == {name}
    tuned = one.changes[name].values.numbers
    assert torch.equal(half.changes[name].values.numbers, tuned)
    combine(base, [one, one], [0.5, 0.5])
    with pytest.raises(ValueError, match=r'no base.*\(head.weight\)'):
        combine(base, [one, two], [0.5, 0.5])
    combine(base, [one, two.restricted(name.__ne__)], [0.5, 0.5])


def newly(delta, name):
    change = replace(delta.changes[name], base=None)
    return replace(delta, changes={**delta.changes, name: change})


def test_lossy_deltas_can_be_combined(base, delta):
    coded = quantized(base, rounded(delta, torch.bfloat16), bits=4)
    found = merged_state(base, scaled(base, coded, 1))
    expected = merged_state(base, coded)
    assert all(torch.equal(found[name], expected[name]) for name in base)


def test_the_result_tells_no_metric_of_its_source(base, delta):
    half = scaled(base, delta, 0.5)
    assert half.info.metric == {}
    assert half.info.classes == delta.info.classes


@pytest.mark.parametrize(
    ('weights', 'message'),
    [
        ([1], 'one for each'),
        ([1, float('nan')], 'finite ones'),
        ([1, 1e300], r'finite values.*\(backbone'),
    ],
)
def test_weights_that_do_not_fit_are_refused(
    base, delta, other, weights, message
):
    with pytest.raises(ValueError, match=message):
        combine(base, [delta, other], weights)


def test_nothing_cannot_be_combined(base):
    with pytest.raises(ValueError, match='got 0 weights for 0 deltas'):
        combine(base, [], [])


def test_another_base_is_refused(base, delta, tuned):
    for action in (scaled, combine):
        arguments = (delta, 1) if action is scaled else ([delta], [1])
        with pytest.raises(ValueError, match='base: expected the weights'):
            action(tuned, *arguments)


def test_merging_leaves_the_base_alone(base, delta, state_bits):
    before = state_bits(base)
    merged = merged_state(base, delta)
    merged['head.bias'] += 1
    assert state_bits(base) == before


def test_merging_keeps_tied_tensors_tied():
    weight = torch.zeros(4)
    base = {'a': weight, 'b': weight}
    delta = extract({'a': torch.zeros(4)}, {'a': torch.tensor([0, 0, 1.0, 0])})
    merged = merged_state(base, delta)
    assert merged['b'].tolist() == [0, 0, 1, 0]
    assert weight.tolist() == [0, 0, 0, 0]


def test_overlap_counts_entries():
    base = {'a': torch.zeros(9), 'b': torch.zeros(9)}

    def task(a, b=()):
        tuned = {'a': torch.zeros(9), 'b': torch.zeros(9)}
        tuned['a'][list(a)] = 1
        tuned['b'][list(b)] = 1
        return extract(base, tuned)

    a, b, total = overlap([task([0, 1, 2], [5]), task([1, 2, 3, 4])])
    assert (a.name, a.sizes, a.common, a.union) == ('a', (3, 4), 2, 5)
    assert (b.name, b.sizes, b.common, b.union) == ('b', (1, 0), 0, 1)
    assert total == ('total', (4, 4), 2, 6)
    assert total.share == pytest.approx(1 / 3)
    (only,) = overlap([Delta({}), Delta({})])
    assert only.share == 0


def test_overlap_refuses_what_it_cannot_compare(delta):
    with pytest.raises(ValueError, match='two or more'):
        overlap([delta])
    one = extract({'a': torch.zeros(2)}, {'a': torch.tensor([0, 1.0])})
    two = extract({'a': torch.zeros(3)}, {'a': torch.tensor([0, 1.0, 0])})
    with pytest.raises(ValueError, match=r'one shape.*\(a\)'):
        overlap([one, two])
