"""Rounding and quantization lose bits once, by no more than they say."""

import itertools
from dataclasses import replace

import pytest
import torch
from rounding import rounding_error

from gps_seg.delta import (
    Delta,
    applied,
    merged_state,
    quantized,
    rounded,
)
from gps_seg.delta.change import Change
from gps_seg.delta.lossy import kmeans_levels
from gps_seg.delta.values import Coded, Exact, level_table


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_rounding_is_stated_and_happens_once(
    model, base, delta, tuned, dtype, tmp_path, state_bits
):
    half = rounded(delta, dtype)
    assert delta.is_lossless and not half.is_lossless
    half.save(tmp_path / 'd')
    loaded = Delta.load(tmp_path / 'd')
    assert not loaded.is_lossless
    with applied(model, loaded):
        for name, value in model.state_dict().items():
            expected = tuned[name]
            if name in delta.changes and value.is_floating_point():
                at = delta.changes[name].indices
                at = slice(None) if at is None else at
                expected = expected.clone()
                flat = expected.view(-1)
                flat[at] = flat[at].to(dtype).float()
            assert torch.equal(value, expected), name
    assert state_bits(model) == state_bits(base)


def test_rounding_refuses_what_does_not_fit(delta):
    numbers = torch.tensor([70000.0])
    big = Delta({'x': Change(torch.Size([1]), numbers.dtype, Exact(numbers))})
    with pytest.raises(ValueError, match=r'too narrow.*\(x\)'):
        rounded(big, torch.float16)
    rounded(big, torch.bfloat16)
    with pytest.raises(ValueError, match='dtype: expected one of'):
        rounded(delta, torch.int8)


@pytest.mark.parametrize('bits', [1, 2, 4, 8])
@pytest.mark.parametrize('levels', ['kmeans', 'uniform'])
def test_quantized_values_take_the_nearest_level(
    model, base, delta, bits, levels, tmp_path, state_bits
):
    coded = quantized(base, delta, bits=bits, levels=levels)
    coded.save(tmp_path / 'd')
    loaded = Delta.load(tmp_path / 'd')
    assert not loaded.is_lossless
    found, exact = merged_state(base, loaded), merged_state(base, delta)
    num_coded = 0
    for name, change in loaded.changes.items():
        if not isinstance(change.values, Coded):
            assert torch.equal(found[name], exact[name])
            continue
        num_coded += 1
        table = change.values.table()
        assert len(table) == 2**bits
        difference = change.read(exact[name] - base[name])
        error = (change.read(found[name] - exact[name])).abs()
        best = (difference[:, None] - table).abs().amin(dim=1)
        # Both are differences of values of the size of the weights.
        largest = max(exact[name].abs().max(), found[name].abs().max())
        atol = rounding_error(float(largest), torch.float32, 2, depth=1)
        torch.testing.assert_close(error, best, atol=atol, rtol=0)
    assert num_coded >= 2
    with applied(model, loaded):
        assert state_bits(model) == state_bits(found)
    assert state_bits(model) == state_bits(base)


def test_more_bits_cost_less_accuracy(base, delta):
    exact = merged_state(base, delta)['backbone.2.bias']

    def error(bits, levels):
        coded = quantized(base, delta, bits=bits, levels=levels)
        found = merged_state(base, coded)['backbone.2.bias']
        return float((found - exact).square().mean())

    for levels in ('kmeans', 'uniform'):
        errors = [error(bits, levels) for bits in (1, 2, 4, 8)]
        assert errors == sorted(errors, reverse=True)
        assert errors[3] < 1e-3 * errors[0]
    for bits in (1, 2, 4):
        assert error(bits, 'kmeans') < error(bits, 'uniform')


def test_what_cannot_be_coded_is_kept(base, delta):
    name = 'head.weight'
    new = replace(delta.changes[name], base=None)
    delta = replace(delta, changes={**delta.changes, name: new})
    coded = quantized(base, delta, bits=4)
    for kept in (name, 'backbone.1.num_batches_tracked', 'backbone.0.bias'):
        assert isinstance(coded.changes[kept].values, Exact)


def test_the_best_levels_are_found():
    """Against all ways to cut nine sorted values into three clusters."""
    values = torch.tensor(
        [-3, -2.9, -2.8, 0.1, 0.2, 0.25, 7, 7.5, 8], dtype=torch.float64
    )

    def cost(levels):
        return float((values[:, None] - levels).square().amin(dim=1).sum())

    best = min(
        cost(torch.stack([p.mean() for p in values.tensor_split(cuts)]))
        for cuts in itertools.combinations(range(1, 9), 2)
    )
    shuffled = values[torch.tensor([3, 8, 0, 5, 1, 7, 2, 6, 4])]
    assert cost(kmeans_levels(shuffled, 3)) == pytest.approx(best)


def test_equal_values_are_coded_without_loss():
    assert kmeans_levels(torch.ones(9).double(), 4).tolist() == [1] * 4


def test_even_levels_end_where_they_should():
    table = level_table(torch.tensor([-0.1, 0.7]), bits=2)
    assert table[[0, -1]].tolist() == torch.tensor([-0.1, 0.7]).tolist()
    torch.testing.assert_close(table.diff(), torch.full((3,), 0.8 / 3))


def test_options_are_checked(base, delta):
    with pytest.raises(ValueError, match='bits: expected one of'):
        quantized(base, delta, bits=3)
    with pytest.raises(ValueError, match="expected 'kmeans' or"):
        quantized(base, delta, bits=4, levels='best')
    with pytest.raises(ValueError, match='base: expected the weights'):
        quantized(merged_state(base, delta), delta, bits=4)


def test_a_sum_beyond_the_range_is_refused():
    base = {'x': torch.full((2,), 60000.0).half()}
    name, change = (
        'x',
        Change(
            torch.Size([2]),
            torch.float16,
            Coded(
                torch.zeros(2, dtype=torch.uint8), torch.full((2,), 60000.0), 1
            ),
            None,
            base_of(base['x']),
        ),
    )
    with pytest.raises(ValueError, match=r'sum of base and difference.*\(x\)'):
        merged_state(base, Delta({name: change}))


def base_of(tensor):
    from gps_seg.delta.change import digest

    return digest(tensor, tensor.shape)
