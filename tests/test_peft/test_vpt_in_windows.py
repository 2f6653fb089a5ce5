# Copyright (c) gps_seg contributors. Apache-2.0.
"""Trained tokens in the windows of Swin, against attention by hand."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from meta_models import without_storage
from mmengine.registry import MODELS, init_default_scope
from small_encoders import SIDE, small_model
from torch import nn

from gps_seg.additions import detach, merge, shapes_of
from gps_seg.peft import VPT, tune

SWINS = ['swin', 'mmpretrain swin']


def images():
    generator = torch.Generator().manual_seed(1)
    # The window does not divide the map: it is padded.
    shape = 2, 3, 2 * SIDE, 2 * SIDE + 4
    return torch.rand(shape, generator=generator, dtype=torch.double)


def tuned(name, **settings):
    torch.manual_seed(2)
    model = small_model(name).double()
    for parameter in model.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    tune(model, VPT(prompts=3, **settings), losses=[], seed=0)
    return model


def blocks_of(model):
    stages = model['backbone'].stages
    return [block for stage in stages for block in stage.blocks]


def windows_by_hand(block, windows, mask):
    """``[prompts; window]`` through a window attention, prompts dropped.

    Prompts have a bias of 0 for their position, and no mask.
    """
    attention = block.attn.w_msa
    tokens = block.added.window_prompts.tokens
    own = block.norm1(tokens).expand(len(windows), -1, -1)
    x = torch.cat([own, windows], dim=1)
    number, heads = len(tokens), attention.num_heads
    q, k, v = (
        part.unflatten(-1, (heads, -1)).transpose(1, 2)
        for part in F.linear(
            x, attention.qkv.weight, attention.qkv.bias
        ).chunk(3, dim=-1)
    )
    table = attention.relative_position_bias_table
    bias = table[attention.relative_position_index.long()].permute(2, 0, 1)
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    scores = scores + F.pad(bias, (number, 0, number, 0))
    if mask is not None:
        images = len(windows) // len(mask)
        full = F.pad(mask, (number, 0, number, 0)).repeat(images, 1, 1)
        scores = scores + full[:, None]
    mixed = (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)[:, number:]
    return F.linear(mixed, attention.proj.weight, attention.proj.bias)


def passes_of(model):
    """Block, windows, mask and output of each window attention."""
    seen = []
    for block in blocks_of(model):

        def keep(_module, args, kwargs, output, block=block):
            mask = kwargs.get('mask', args[1] if len(args) > 1 else None)
            seen.append((block, args[0], mask, output))

        block.attn.w_msa.register_forward_hook(keep, with_kwargs=True)
    model['backbone'](images())
    return seen


@pytest.mark.parametrize('name', SWINS)
def test_each_window_sees_the_tokens_before_its_own(name):
    passes = passes_of(tuned(name))
    assert len(passes) == 3
    assert any(mask is not None and mask.any() for _, _, mask, _ in passes)
    for block, windows, mask, output in passes:
        expected = windows_by_hand(block, windows, mask)
        torch.testing.assert_close(output, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize('name', SWINS)
def test_a_detached_model_computes_what_it_did(name):
    model = tuned(name)
    with_prompts = model['backbone'](images())
    detach(model)
    plain = model['backbone'](images())
    assert [f.shape for f in plain] == [f.shape for f in with_prompts]
    for before, after in zip(with_prompts, plain, strict=True):
        assert (before - after).abs().max() > 1e-4
    assert not any(module._forward_hooks for module in model.modules())


@pytest.mark.filterwarnings('ignore:torch.utils.checkpoint')
def test_gradients_are_the_same_when_blocks_are_recomputed():
    gradients = []
    for with_cp in (False, True):
        model = tuned('swin', dropout=0.5).train()
        for block in blocks_of(model):
            block.with_cp = with_cp
        torch.manual_seed(3)
        x = images().requires_grad_()  # or no block is recomputed
        sum(f.square().sum() for f in model['backbone'](x)).backward()
        trained = [p for p in model.parameters() if p.requires_grad]
        gradients.append([p.grad for p in trained])
    plain, recomputed = gradients
    assert all(gradient.abs().max() > 0 for gradient in plain)
    torch.testing.assert_close(recomputed, plain)


def test_a_copy_has_prompts_of_its_own():
    model = tuned('swin')
    before = model['backbone'](images())[1]
    twin = copy.deepcopy(model)
    for name, parameter in model.named_parameters():
        if name.endswith('tokens'):
            parameter.data.zero_()
    assert torch.equal(twin['backbone'](images())[1], before)
    assert not torch.equal(model['backbone'](images())[1], before)


def test_nothing_of_a_failed_pass_is_left():
    model = tuned('swin')

    def fail(*_):
        raise OSError('stopped')

    proj = blocks_of(model)[0].attn.w_msa.proj
    handle = proj.register_forward_pre_hook(fail)
    with pytest.raises(OSError, match='stopped'):
        model['backbone'](images())
    handle.remove()
    copy.deepcopy(model)  # fails for a tensor with a graph


def test_attention_keeps_the_type_of_autocast():
    model = small_model('swin')
    tune(model, VPT(prompts=3), losses=[], seed=0)
    types = []
    attention = blocks_of(model)[0].attn.w_msa
    for inner in (attention.softmax, attention.proj):
        inner.register_forward_pre_hook(
            lambda _m, args: types.append(args[0].dtype)
        )
    with torch.autocast('cpu', torch.bfloat16):
        model['backbone'](images().float())
        detach(model)
        model['backbone'](images().float())
    assert types[:2] == types[2:]


def test_counts_and_range_of_swin_t():
    init_default_scope('mmseg')
    with without_storage():
        swin = MODELS.build(dict(type='SwinTransformer'))
        model = nn.ModuleDict({'backbone': swin})
    plan = VPT(prompts=50).additions(model, None)
    shapes = shapes_of(plan, model.state_dict())
    widths = [96] * 2 + [192] * 2 + [384] * 6 + [768] * 2
    assert sum(s.numel() for s in shapes.values()) == 50 * sum(widths)
    for one in plan:  # patches of 3 x 4 x 4 values
        width = one.settings['shape'][1]
        expected = math.sqrt(6 / (48 + width))
        assert one.settings['bound'] == pytest.approx(expected, rel=1e-12)


def test_they_cannot_be_merged():
    with pytest.raises(ValueError, match='window_prompts cannot be merged'):
        merge(tuned('swin'))
