# Copyright (c) gps_seg contributors. Apache-2.0.
"""RepAdapter against its equation, attached and merged."""

import copy

import pytest
from rounding import assert_equal_to_rounding
from small_blocks import (
    FAMILIES,
    numel_at_vit_b,
    randomise,
    resnet,
    small_block,
)
from torch import nn

from gps_seg.additions import additions_of, attach, merge
from gps_seg.peft import RepAdapter, tune

INPUTS = {
    # Family -> modules whose inputs are changed, in a block.
    'vit': ('attn', 'ffn.layers'),
    'swin': ('attn', 'ffn.layers'),
    'mmpretrain vit': ('attn', 'ffn.layers'),
    'mmpretrain convnext': ('pointwise_conv1',),
    'torch': ('self_attn', 'linear1'),
}


def changed(added, inputs, scale):
    """``x + s ConvB(ConvA x)``, by convolutions of PyTorch."""
    width, rank = added.down.weight.shape[::-1]
    conv_a = nn.Conv1d(width, rank, 1).double()
    conv_b = nn.Conv1d(rank, width, 1, groups=2).double()
    conv_a.weight.data = added.down.weight.data[..., None]
    conv_a.bias.data = added.down.bias.data
    conv_b.weight.data = added.up.data.reshape(width, rank // 2, 1)
    conv_b.bias.data = added.up_bias.data
    flat = inputs.reshape(1, -1, width).transpose(1, 2)
    update = conv_b(conv_a(flat)).transpose(1, 2).reshape(inputs.shape)
    return inputs + scale * update


def expected(small, block, adapters, scale):
    """The plain block, whose parts get changed inputs by hooks."""
    handles = []
    for part, added in zip(INPUTS[small.family], adapters, strict=True):

        def hook(_, args, kwargs, added=added):
            keys = {'query', 'key', 'value'} & kwargs.keys()
            new = {k: changed(added, kwargs[k], scale) for k in keys}
            if part_is_attention_of_torch(args):
                args = [changed(added, x, scale) for x in args[:3]]
            elif args:
                args = [changed(added, args[0], scale), *args[1:]]
            return tuple(args), {**kwargs, **new}

        module = block.get_submodule(part)
        handles.append(
            module.register_forward_pre_hook(hook, with_kwargs=True)
        )
    output = block(*small.inputs)
    for handle in handles:
        handle.remove()
    return output


def part_is_attention_of_torch(args):
    return len(args) >= 3


def make(family, scale=0.5):
    small = small_block(family)
    small.family = family
    small.plain = copy.deepcopy(small.model).get_submodule(small.name)
    method = RepAdapter(rank=4, scale=scale)
    attach(small.model, method.additions(small.model, None), seed=0)
    small.block = small.model.get_submodule(small.name)
    return small


@pytest.mark.parametrize('family', FAMILIES)
def test_attention_and_mlp_take_changed_inputs(family):
    small = make(family)
    before = small.block(*small.inputs).detach()
    plain = small.plain(*small.inputs).detach()
    assert_equal_to_rounding(before, plain, terms=32, depth=10)
    randomise(small.model)
    after = small.block(*small.inputs).detach()
    adapters = additions_of(small.block).values()
    right = expected(small, small.plain, adapters, 0.5).detach()
    assert_equal_to_rounding(after, right, terms=32, depth=10)
    assert (after - before).abs().max() > 0.1


@pytest.mark.parametrize('family', FAMILIES)
def test_merged_the_model_computes_the_same(family):
    small = make(family)
    randomise(small.model)
    before = small.block(*small.inputs).detach()
    merge(small.model)
    assert not additions_of(small.model)
    merged = small.block(*small.inputs).detach()
    assert_equal_to_rounding(merged, before, terms=32, depth=20)


def test_a_vit_b_gets_as_many_values_as_the_formula_says():
    matrices = 24 * (8 * 768 + 768 * 8 // 2)
    assert numel_at_vit_b(RepAdapter()) == matrices + 24 * (8 + 768)
    assert matrices == 221_184  # the 0.22 M of the paper


def test_an_encoder_without_blocks_is_refused():
    with pytest.raises(ValueError, match=r'got ResNet .* without blocks'):
        RepAdapter().additions(resnet(), None)


def test_separate_projections_of_q_k_and_v_are_refused():
    layer = nn.TransformerEncoderLayer(8, 2, 16)
    layer.self_attn = nn.MultiheadAttention(8, 2, kdim=4, vdim=4)
    model = nn.ModuleDict({'backbone': nn.Sequential(layer)})
    with pytest.raises(ValueError, match='one linear map for q, k and v'):
        RepAdapter().additions(model, None)


def test_a_rank_above_the_width_is_refused():
    small = small_block('swin')
    with pytest.raises(ValueError, match='1 to 8, the number of ch.*, got 10'):
        tune(small.model, RepAdapter(rank=10), losses=[], seed=0)


def test_an_odd_rank_is_refused():
    with pytest.raises(ValueError, match='rank: expected an even number'):
        RepAdapter(rank=3)


def test_a_map_without_a_bias_cannot_take_one_in():
    layer = nn.TransformerEncoderLayer(8, 2, 16, bias=False)
    model = nn.ModuleDict({'backbone': nn.Sequential(layer)})
    attach(model, RepAdapter(rank=2).additions(model, None), seed=0)
    with pytest.raises(ValueError, match='has no bias'):
        merge(model)
