"""What trains moves, and the rest keeps its bits: methods by encoders.

What should move is written out for each method, from modules and names.
"""

import pytest
import torch
from small_encoders import FAMILIES, small_task
from torch import nn

from gps_seg.peft import METHODS, build_method, tune
from gps_seg.sparse import Selection
from gps_seg.sparse.summary import summarize_selection

SETTINGS = {
    'partial': dict(last_blocks=1),
    'paca': dict(columns=2),
    'neuroada': dict(k=1),
    'fps': dict(k=2),
    'shira': dict(rank=1),
}
#: What lies before the last block, in the order of the parameters.
BEFORE = {
    'vit': ('cls_', 'pos_', 'patch_embed', 'layers.0'),
    'swin': ('patch_embed', 'stages.0', 'stages.1.blocks.0'),
    'mmpretrain vit': ('cls_', 'pos_', 'patch_embed', 'layers.0'),
    'mmpretrain convnext': ('downsample_layers', 'stages.0', 'stages.1.0'),
}
ENDINGS = ('.bias', '.in_proj_bias')


def moved_by(task, method):
    """Mask of the entries that three steps change, for each parameter."""
    before = {n: p.detach().clone() for n, p in task.model.named_parameters()}
    tuned = tune(task.model, method, [task.loss], seed=0)
    optimizer = torch.optim.AdamW(tuned.parameters(), 0.01, weight_decay=0.5)
    tuned.attach(optimizer)
    for _ in range(3):
        with tuned.compressing():
            task.loss().backward()
        optimizer.step()
        optimizer.zero_grad()
    tuned.release()
    masks = {
        name: before[name].view(torch.int32)
        != parameter.detach().view(torch.int32)
        for name, parameter in task.model.named_parameters()
    }
    assert all(mask.all() for n, mask in masks.items() if n[:4] == 'head')
    inside = {n: mask for n, mask in masks.items() if n[:4] != 'head'}
    return {n.removeprefix('backbone.'): m for n, m in inside.items()}


def started(name, encoder):
    """Run the method ``name``: its masks, values and modules at the start."""
    task = small_task(encoder)
    backbone = task.model['backbone']
    starts = {n: p.detach().clone() for n, p in backbone.named_parameters()}
    method = build_method({'type': name, **SETTINGS.get(name, {})}, METHODS)
    return moved_by(task, method), starts, backbone


def maps_of(backbone, *, with_convolutions=False):
    """Names of the weights of linear maps."""
    kinds = (nn.Linear, nn.Conv2d) if with_convolutions else (nn.Linear,)
    names = {
        f'{name}.weight'
        for name, module in backbone.named_modules()
        if isinstance(module, kinds)
    }
    packed = {
        f'{name}.in_proj_weight'
        for name, module in backbone.named_modules()
        if isinstance(module, nn.MultiheadAttention)
    }
    return names | packed


def whole(masks):
    assert all(m.all() or not m.any() for m in masks.values())
    return {name for name, mask in masks.items() if mask.any()}


@pytest.mark.parametrize('encoder', FAMILIES)
def test_bitfit_moves_all_biases_those_of_norms_too(encoder):
    masks, *_ = started('bitfit', encoder)
    moved = whole(masks)
    assert moved == {name for name in masks if name.endswith(ENDINGS)}
    assert any('norm' in name or 'ln' in name for name in moved)


@pytest.mark.parametrize('encoder', FAMILIES)
def test_norm_moves_weight_and_bias_of_each_norm(encoder):
    masks, _, backbone = started('norm', encoder)
    norms = [
        name
        for name, module in backbone.named_modules()
        if isinstance(module, nn.LayerNorm)
    ]
    assert whole(masks) == {
        f'{name}.{kind}' for name in norms for kind in ('weight', 'bias')
    }


@pytest.mark.parametrize('encoder', FAMILIES)
def test_partial_moves_all_from_the_last_blocks_on(encoder):
    masks, *_ = started('partial', encoder)
    moved = whole(masks)
    before = BEFORE[encoder]
    assert moved == {name for name in masks if not name.startswith(before)}
    assert len(moved) < len(masks)


@pytest.mark.parametrize('encoder', FAMILIES)
def test_paca_moves_whole_columns_of_linear_maps(encoder):
    masks, _, backbone = started('paca', encoder)
    maps = maps_of(backbone)
    for name, mask in masks.items():
        columns = mask.any(0) if name in maps else mask.flatten()
        assert columns.sum() == (2 if name in maps else 0), name
        assert torch.equal(mask, mask.any(0, keepdim=True).expand_as(mask))
    # A step costs what these columns cost.
    selection = Selection.from_masks({name: masks[name] for name in maps})
    rows = summarize_selection(selection)
    assert all(row.mean_columns == 2 for row in rows)
    assert all(row.num_compressed == row.num_tensors for row in rows)


@pytest.mark.parametrize('encoder', FAMILIES)
def test_neuroada_moves_the_largest_weight_of_each_neuron(encoder):
    masks, starts, backbone = started('neuroada', encoder)
    maps = maps_of(backbone)
    for name, mask in masks.items():
        expected = torch.zeros_like(mask)
        if name in maps:
            largest = starts[name].abs().argmax(1, keepdim=True)
            expected.scatter_(1, largest, True)
        assert torch.equal(mask, expected), name


@pytest.mark.parametrize('encoder', FAMILIES)
def test_shira_moves_as_many_entries_as_lora_has(encoder):
    masks, _, backbone = started('shira', encoder)
    maps = maps_of(backbone)
    for name, mask in masks.items():
        number = sum(mask.shape) if name in maps else 0
        assert mask.sum() == number, name


@pytest.mark.parametrize('encoder', FAMILIES)
def test_fps_moves_k_inputs_of_each_neuron_and_the_biases_of_gps(encoder):
    masks, _, backbone = started('fps', encoder)
    maps = maps_of(backbone, with_convolutions=True)
    norms = [
        f'{name}.bias'
        for name, module in backbone.named_modules()
        if isinstance(module, nn.LayerNorm)
    ]
    for name, mask in masks.items():
        if name in maps:
            assert (mask.flatten(1).sum(1) == 2).all(), name
        else:
            biases = name.endswith(ENDINGS) and name not in norms
            assert torch.equal(mask, torch.full_like(mask, biases)), name
