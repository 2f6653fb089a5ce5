# Copyright (c) gps_seg contributors. Apache-2.0.
"""Mona against its equations, block by block, on grids of any shape."""

import copy

import pytest
import torch
import torch.nn.functional as F
from rounding import assert_equal_to_rounding
from small_blocks import (
    numel_at_vit_b,
    randomise,
    resnet,
    small_block,
)
from small_encoders import small_model, small_task
from torch import nn

from gps_seg.additions import additions_of, attach, beside, detach, merge
from gps_seg.peft import Mona, tune

MLPS = {
    # Family -> the rest of a plain block, from the stream before its MLP.
    'vit': lambda b, x: x + b.ffn(b.ln2(x), identity=0 * x),
    'swin': lambda b, x: x + b.ffn(b.norm2(x), identity=0 * x),
    'mmpretrain vit': lambda b, x: x + b.ffn(b.ln2(x), identity=0 * x),
}


def shifted_sum(image, conv):
    """A depthwise convolution as a sum of shifted images."""
    kernel = conv.weight[:, 0]  # (C, k, k)
    k, (h, w) = kernel.shape[-1], image.shape[-2:]
    padded = F.pad(image, [k // 2] * 4)
    parts = [
        kernel[:, i, j, None, None] * padded[..., i : i + h, j : j + w]
        for i in range(k)
        for j in range(k)
    ]
    return sum(parts) + conv.bias[:, None, None]


def update_of(body, stream, size, prefix):
    """The update of tokens (B, N, C), from the equations."""
    centred = stream - stream.mean(-1, keepdim=True)
    variance = centred.square().mean(-1, keepdim=True)
    normed = centred / (variance + 1e-5).sqrt()
    normed = normed * body.norm.weight + body.norm.bias
    y = normed * body.gamma + stream * body.delta
    z = y @ body.down.weight.T + body.down.bias
    image = z[:, prefix:].transpose(1, 2).reshape(len(z), -1, *size)
    mixed = sum(shifted_sum(image, conv) for conv in body.depthwise) / 3
    z[:, prefix:] += mixed.flatten(2).transpose(1, 2)
    z = z + z @ body.pointwise.weight.T + body.pointwise.bias
    return F.gelu(z) @ body.up.weight.T + body.up.bias


def attached(model):
    attach(model, Mona(rank=4).additions(model, None), seed=0)
    return next(iter(additions_of(model).values()))


def note_size(family, small, size):
    """Tell a ViT's blocks the size, as its patch embedding does."""
    if 'vit' in family:
        embed = small.model['backbone'].patch_embed
        embed(torch.ones(1, 3, 8 * size[0], 8 * size[1]).double())


@pytest.mark.parametrize('size', [(4, 4), (8, 2)])
@pytest.mark.parametrize('family', MLPS)
def test_a_block_has_one_behind_attention_and_one_behind_mlp(family, size):
    small = small_block(family)
    plain = copy.deepcopy(small.model).get_submodule(small.name)
    added = attached(small.model)
    inputs = [small.inputs[0]]
    if family == 'swin':
        inputs.append(size)
    block = small.model.get_submodule(small.name)
    with torch.no_grad():
        note_size(family, small, size)
        assert torch.equal(block(*inputs), plain(*inputs))
        randomise(small.model)
        after = block(*inputs)
        position = added._names.index(small.name.removeprefix('backbone.'))
        first, second = added.blocks[position]
        prefix = 1 if 'vit' in family else 0
        stream = small.before(plain, *inputs)
        stream = stream + update_of(first, stream, size, prefix)
        stream = MLPS[family](plain, stream)
        expected = stream + update_of(second, stream, size, prefix)
    assert_equal_to_rounding(after, expected, terms=100, depth=20)


def test_a_block_of_convnext_has_one_behind_it():
    small = small_block('mmpretrain convnext')
    plain = copy.deepcopy(small.model).get_submodule(small.name)
    added = attached(small.model)
    randomise(small.model)
    block = small.model.get_submodule(small.name)
    with torch.no_grad():
        after = block(*small.inputs)
        stream = plain(*small.inputs).flatten(2).transpose(1, 2)
        (body,) = added.blocks[-1]
        stream = stream + update_of(body, stream, (4, 4), 0)
        expected = stream.transpose(1, 2).reshape(after.shape)
    assert_equal_to_rounding(after, expected, terms=100, depth=20)


@pytest.mark.parametrize('encoder', ['vit', 'swin', 'mmpretrain vit'])
def test_whole_encoders_take_images_that_are_not_square(encoder):
    model = small_task(encoder).model.eval()
    image = torch.randn(1, 3, 32, 64)
    with torch.no_grad():
        plain = [*model['backbone'](image)]
        added = attached(model)
        for one, two in zip(model['backbone'](image), plain, strict=True):
            assert torch.equal(one, two)
        twin = copy.deepcopy(model)
        randomise(twin)
        assert not torch.equal(twin['backbone'](image)[-1], plain[-1])
        assert torch.equal(model['backbone'](image)[-1], plain[-1])
    assert added is next(iter(additions_of(model).values()))
    detach(twin)
    assert torch.equal(twin['backbone'](image)[-1], plain[-1])


@pytest.mark.filterwarnings('ignore:torch.utils.checkpoint')
@pytest.mark.parametrize('family', ['vit', 'swin'])
def test_the_gradients_are_those_without_checkpoints(family):
    gradients = []
    for with_cp in (False, True):
        small = small_block(family)
        attached(small.model)
        randomise(small.model)
        for module in small.model.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        note_size(family, small, (4, 4))
        block = small.model.get_submodule(small.name).train()
        block.with_cp = with_cp
        first, *rest = small.inputs
        inputs = first.clone().requires_grad_()
        block(inputs, *rest).square().mean().backward()
        own = [
            p.grad for p in additions_of(small.model).popitem()[1].parameters()
        ]
        gradients.append([inputs.grad, *(g for g in own if g is not None)])
    assert len(gradients[0]) == 1 + 2 * 16
    for plain, recomputed in zip(*gradients, strict=True):
        torch.testing.assert_close(recomputed, plain)


def test_values_learn_as_fast_as_those_of_their_block():
    model = small_task('swin').model
    added = attached(model)
    named = {p: n for n, p in model.named_parameters()}
    for new, plain in beside(model).items():
        position = int(named[new].split('.blocks.')[1].split('.')[0])
        assert f'.{added._names[position]}.' in named[plain]


def test_a_vit_b_gets_as_many_values_as_the_formula_says():
    d, r = 768, 64
    norm, maps = 4 * d, 2 * d * r + d + r
    convolutions = r * (9 + 25 + 49 + 3) + r * r + r
    assert numel_at_vit_b(Mona()) == 24 * (norm + maps + convolutions)


def test_an_encoder_without_blocks_is_refused():
    with pytest.raises(ValueError, match=r'(?s)ResNet.*has no blocks'):
        Mona().additions(resnet(), None)


def test_a_block_whose_branches_share_a_norm_is_refused():
    model = small_model('mmpretrain deit3')
    with pytest.raises(ValueError, match='got none in backbone.layers.0'):
        Mona().additions(model, None)


def test_an_encoder_that_does_not_tell_its_size_is_refused():
    model = small_block('torch').model
    with pytest.raises(ValueError, match='get hw_shape'):
        Mona().additions(model, None)


def test_a_patch_embedding_that_does_not_tell_its_size_is_refused():
    model = small_task('vit').model
    attached(model)
    block = model['backbone'].layers[0]
    with pytest.raises(RuntimeError, match='width of 16 patches, got None'):
        block(torch.ones(1, 17, 16))
    model['backbone'].patch_embed(torch.ones(1, 3, 32, 64))
    with pytest.raises(RuntimeError, match=r'of 16 patches, got \(4, 8\)'):
        block(torch.ones(1, 17, 16))


def test_a_rank_above_the_width_is_refused():
    small = small_block('swin')
    with pytest.raises(ValueError, match='1 to 8, the number of ch.*, got 9'):
        tune(small.model, Mona(rank=9), losses=[], seed=0)


def test_it_cannot_be_merged():
    small = small_block('vit')
    attached(small.model)
    with pytest.raises(ValueError, match='not a linear function'):
        merge(small.model)
