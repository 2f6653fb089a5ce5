# Copyright (c) gps_seg contributors. Apache-2.0.
"""Binary adapters against their equations."""

import copy
import statistics
from itertools import pairwise

import pytest
import torch
from rounding import assert_equal_to_rounding
from small_blocks import (
    FAMILIES,
    numel_at_vit_b,
    randomise,
    resnet,
    small_block,
)

from gps_seg.additions import additions_of, attach, merge
from gps_seg.additions.quantization import (
    normal_levels,
    quantize,
    straight_through,
)
from gps_seg.peft import Binary, tune

NORMAL = statistics.NormalDist()


def by_hand(matrix, bits):
    """Each entry moved to the nearest level, scaled back."""
    levels = normal_levels(bits).tolist()
    flat = matrix.flatten().tolist()
    mean, deviation = statistics.mean(flat), statistics.stdev(flat)
    nearest = [
        min(levels, key=lambda level, w=w: abs((w - mean) / deviation - level))
        for w in flat
    ]
    values = [level * deviation + mean for level in nearest]
    return torch.tensor(values, dtype=matrix.dtype).view(matrix.shape)


@pytest.mark.parametrize('bits', [1, 2, 3, 4])
def test_a_level_is_the_median_of_its_cell(bits):
    levels = normal_levels(bits).tolist()
    assert len(levels) == 2**bits
    middles = [(a + b) / 2 for a, b in pairwise(levels)]
    edges = [0.0, *map(NORMAL.cdf, middles), 1.0]
    for level, (low, high) in zip(levels, pairwise(edges), strict=True):
        median = NORMAL.inv_cdf((low + high) / 2)
        assert level == pytest.approx(median, abs=1e-9)


@pytest.mark.parametrize('bits', [1, 2, 3, 4])
def test_an_entry_goes_to_the_nearest_level(bits):
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(32, 24, generator=generator).double() + 0.5
    codes, levels = quantize(matrix, bits)
    torch.testing.assert_close(
        levels[codes], by_hand(matrix, bits), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize('bits', [1, 2, 3, 4])
def test_levels_are_rounded_once(bits):
    """So they are the same on a GPU, which adds in another order."""
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(24, 16, generator=generator) + 0.5
    _, levels = quantize(matrix, bits)
    flat = matrix.flatten().tolist()
    mean, deviation = statistics.mean(flat), statistics.stdev(flat)
    exact = [v * deviation + mean for v in normal_levels(bits).tolist()]
    assert levels.tolist() == torch.tensor(exact).tolist()


@pytest.mark.parametrize('scale', [1e-6, 1.0])
@pytest.mark.parametrize('bits', [1, 2, 3, 4])
def test_what_is_quantised_stays_as_it_is(bits, scale):
    generator = torch.Generator().manual_seed(0)
    matrix = scale * torch.randn(32, 24, generator=generator)
    codes, levels = quantize(matrix, bits)
    again, same = quantize(levels[codes], bits)
    assert torch.equal(same[again], levels[codes])
    assert len(same) == len(levels) == 2**bits


def test_a_matrix_that_starts_with_few_values_is_quantised():
    matrix = torch.randn(10, 100, generator=torch.Generator().manual_seed(0))
    matrix[0] = 0
    codes, levels = quantize(matrix, 1)
    assert len(levels[codes].unique()) == 2


def test_the_gradient_goes_straight_through():
    matrix = torch.randn(6, 5, requires_grad=True)
    weights = torch.randn(6, 5)
    quantized = straight_through(matrix, 2)
    (quantized * weights).sum().backward()
    assert torch.equal(matrix.grad, weights)
    codes, levels = quantize(matrix.detach(), 2)
    assert torch.equal(quantized, levels[codes])


@pytest.mark.parametrize('family', FAMILIES)
def test_a_block_adds_the_bottleneck_of_its_stream(family):
    small = small_block(family)
    plain = copy.deepcopy(small.model).get_submodule(small.name)
    method = Binary(rank=4, bits=2, scale=0.5)
    attach(small.model, method.additions(small.model, None), seed=0)
    randomise(small.model)
    block = small.model.get_submodule(small.name)
    (added,) = additions_of(block).values()
    with torch.no_grad():
        after = block(*small.inputs)
        stream = small.before(plain, *small.inputs)
        axis = 1 if stream.ndim == 4 else -1
        (down_codes, down), (up_codes, up) = added.coded().values()
        hidden = stream.movedim(axis, -1) @ down[down_codes].T
        update = hidden.clamp(min=0) @ up[up_codes].T
        expected = plain(*small.inputs) + 0.5 * update.movedim(-1, axis)
    assert_equal_to_rounding(after, expected, terms=16, depth=10)


def test_it_starts_close_to_the_pretrained_model():
    small = small_block('vit')
    plain = copy.deepcopy(small.model).get_submodule(small.name)
    attach(small.model, Binary(rank=4).additions(small.model, None), seed=0)
    block = small.model.get_submodule(small.name)
    gap = (block(*small.inputs) - plain(*small.inputs)).abs().max()
    assert 0 < gap < 0.1


def test_a_vit_b_gets_as_many_values_as_the_formula_says():
    assert numel_at_vit_b(Binary()) == 12 * 2 * 32 * 768 == 589_824


def test_an_encoder_without_blocks_is_refused():
    with pytest.raises(ValueError, match=r'(?s)ResNet.*has no blocks'):
        Binary().additions(resnet(), None)


def test_a_rank_above_the_width_is_refused():
    small = small_block('swin')
    with pytest.raises(ValueError, match='1 to 8, the number of ch.*, got 9'):
        tune(small.model, Binary(rank=9), losses=[], seed=0)


def test_more_than_four_bits_are_refused():
    with pytest.raises(ValueError, match='bits: expected 1 to 4, got 5'):
        Binary(bits=5)


def test_it_cannot_be_merged():
    small = small_block('vit')
    attach(small.model, Binary(rank=4).additions(small.model, None), seed=0)
    with pytest.raises(ValueError, match='not a linear function'):
        merge(small.model)
