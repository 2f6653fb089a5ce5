# Copyright (c) gps_seg contributors. Apache-2.0.
"""AdaptFormer against its equation, block by block."""

import copy

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

from gps_seg.additions import attach, detach, merge
from gps_seg.peft import AdaptFormer, tune


def expected(block, added, small, inputs):
    """Output of the plain block, plus the bottleneck of the stream."""
    stream = small.before(block, *inputs)
    axis = 1 if stream.ndim == 4 else -1
    hidden = (stream.movedim(axis, -1) @ added.down.weight.T).add(
        added.down.bias
    )
    update = hidden.clamp(min=0) @ added.up.weight.T + added.up.bias
    return block(*inputs) + 0.3 * update.movedim(-1, axis)


@pytest.mark.parametrize('family', FAMILIES)
def test_a_block_adds_the_bottleneck_of_its_stream(family):
    small = small_block(family)
    plain = copy.deepcopy(small.model).get_submodule(small.name)
    method = AdaptFormer(rank=4, scale=0.3)
    attach(small.model, method.additions(small.model, None), seed=0)
    block = small.model.get_submodule(small.name)
    (added,) = block.added.values()
    with torch.no_grad():
        before = block(*small.inputs)
        assert torch.equal(before, plain(*small.inputs))
        randomise(small.model)
        after = block(*small.inputs)
        right = expected(plain, added, small, small.inputs)
    assert_equal_to_rounding(after, right, terms=16, depth=10)
    assert (after - before).abs().max() > 0.1


@pytest.mark.parametrize('family', FAMILIES)
def test_copies_after_a_forward_pass_have_bottlenecks_of_their_own(family):
    small = small_block(family)
    method = AdaptFormer(rank=4, dropout=0.0)
    attach(small.model, method.additions(small.model, None), seed=0)
    small.model.get_submodule(small.name)(*small.inputs)
    twin = copy.deepcopy(small.model)
    block = small.model.get_submodule(small.name)
    before = block(*small.inputs)
    randomise(twin)
    changed = twin.get_submodule(small.name)(*small.inputs)
    assert torch.equal(block(*small.inputs), before)
    assert not torch.equal(changed, before)
    detach(twin)
    plain = twin.get_submodule(small.name)(*small.inputs)
    assert torch.equal(plain, before)


@pytest.mark.filterwarnings('ignore:torch.utils.checkpoint')
@pytest.mark.parametrize('family', FAMILIES[:-1])
def test_the_gradients_are_those_without_checkpoints(family):
    gradients = []
    for with_cp in (False, True):
        small = small_block(family)
        method = AdaptFormer(rank=4, dropout=0.0)
        attach(small.model, method.additions(small.model, None), seed=0)
        randomise(small.model)
        block = small.model.get_submodule(small.name).train()
        block.with_cp = with_cp
        first, *rest = small.inputs
        inputs = first.clone().requires_grad_()
        block(inputs, *rest).square().mean().backward()
        (added,) = block.added.values()
        gradients.append([inputs.grad, *(p.grad for p in added.parameters())])
    for plain, recomputed in zip(*gradients, strict=True):
        torch.testing.assert_close(recomputed, plain)


def test_a_vit_b_gets_as_many_values_as_the_formula_says():
    formula = 12 * (2 * 64 * 768 + 64 + 768)
    assert numel_at_vit_b(AdaptFormer()) == formula == 1_189_632


def test_an_encoder_without_blocks_is_refused():
    with pytest.raises(ValueError, match=r'(?s)ResNet.*has no blocks'):
        tune(resnet(), AdaptFormer(), losses=[], seed=0)


def test_a_rank_above_the_width_is_refused():
    small = small_block('swin')
    with pytest.raises(ValueError, match='1 to 8, the number of ch.*, got 9'):
        tune(small.model, AdaptFormer(rank=9), losses=[], seed=0)


def test_an_unknown_activation_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match=r"\['gelu', 'relu', 'silu'\]"):
        AdaptFormer(activation='step')


def test_it_cannot_be_merged():
    small = small_block('vit')
    method = AdaptFormer(rank=4)
    attach(small.model, method.additions(small.model, None), seed=0)
    with pytest.raises(ValueError, match='not a linear function'):
        merge(small.model)
