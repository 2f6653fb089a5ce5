# Copyright (c) gps_seg contributors. Apache-2.0.
"""The places of real encoders: by hand, and by what runs."""

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from small_encoders import SIDE, small_model
from torch import Tensor, nn

from gps_seg.additions.places import (
    KINDS,
    LinearMap,
    blocks,
    linear_maps,
    num_prefix_tokens,
)

VIT = dict.fromkeys(('q', 'k', 'v', 'proj', 'fc1', 'fc2'), 2)
# Two blocks each, or one and two in the two stages, with one downsample.
SWIN = dict.fromkeys(VIT, 3) | {'other': 1}
# The MLP that makes the position bias of each block: two maps.
SWIN_V2 = dict.fromkeys(VIT, 3) | {'other': 7}
NUMBERS = {
    'vit': VIT,
    'vit without class token': VIT,
    'beit': VIT,
    'mae': VIT,
    'swin': SWIN,
    'mit': dict.fromkeys(('q', 'k', 'v', 'proj'), 3),
    'mscan': {},
    'resnet': {},
    'mmpretrain vit': VIT,
    'mmpretrain vit without class token': VIT,
    'mmpretrain vit swiglu': VIT,
    'mmpretrain deit': VIT,
    'mmpretrain deit3': VIT,
    'mmpretrain beit': VIT,
    'mmpretrain swin': SWIN,
    'mmpretrain swin v2': SWIN_V2,
    'mmpretrain convnext': {'fc1': 3, 'fc2': 3},
    'mmpretrain convnext of convolutions': {},
    # A stage of ConvNeXt's blocks, and three with attention.
    'mmpretrain edgenext': dict.fromkeys(('q', 'k', 'v', 'proj'), 3)
    | {'fc1': 4, 'fc2': 4},
    'mmpretrain sam': VIT,
    'mmpretrain pcpvt': dict.fromkeys(VIT, 4),
}
BLOCKS = dict.fromkeys(NUMBERS, 2) | {
    'swin': 3,
    'mit': 3,
    'mscan': 0,
    'resnet': 0,
    'mmpretrain swin': 3,
    'mmpretrain swin v2': 3,
    'mmpretrain convnext': 3,
    'mmpretrain convnext of convolutions': 3,
    'mmpretrain edgenext': 4,
    'mmpretrain pcpvt': 4,
}
PLAIN_VITS = {
    'vit': 1,
    'vit without class token': 0,
    'beit': 1,
    'mae': 1,
    'mmpretrain vit': 1,
    'mmpretrain vit without class token': 0,
    'mmpretrain vit swiglu': 1,
    'mmpretrain deit': 2,
    'mmpretrain deit3': 1,
    'mmpretrain beit': 1,
}
# Attention with no bias that depends on the position (those are zero at the
# start), in the first block, where a window is the whole input.
WITH_ATTENTION = [
    'vit',
    'beit',
    'mae',
    'swin',
    'mit',
    'mmpretrain vit',
    'mmpretrain beit',
    'mmpretrain sam',
    'mmpretrain pcpvt',
]


class Calls:
    """Inputs and outputs of the modules of a model in one forward pass."""

    def __init__(self, model: nn.Module) -> None:
        self.of: dict[str, list[tuple[Any, Any, Any]]] = {}
        for name, module in model.named_modules():
            module.register_forward_hook(self._hook(name), with_kwargs=True)
        with torch.no_grad():
            model.backbone(torch.randn(1, 3, SIDE, SIDE))

    def _hook(self, name: str) -> Any:
        def hook(_module: Any, args: Any, kwargs: Any, output: Any) -> None:
            self.of.setdefault(name, []).append((args, kwargs, output))

        return hook

    def input(self, name: str) -> Tensor:
        return self.of[name][0][0][0]

    def branch(self, name: str) -> Tensor:
        """Output of a module without the residual that it has added."""
        ((_, kwargs, output),) = self.of[name]
        return output - kwargs.get('identity', 0)


def weight_of(model: nn.Module, one: LinearMap) -> Tensor:
    weight = model.get_parameter(one.weight)
    return weight if one.rows is None else weight[slice(*one.rows)]


@pytest.mark.parametrize('name', NUMBERS)
def test_the_maps_of_each_kind_are_those_counted_by_hand(name):
    maps = linear_maps(small_model(name), 'backbone')
    counted = {k: sum(one.kind == k for one in maps) for k in KINDS}
    assert {k: n for k, n in counted.items() if n} == NUMBERS[name]


@pytest.mark.parametrize('name', NUMBERS)
def test_maps_cover_each_linear_weight_once_in_module_order(name):
    model = small_model(name)
    expected = [
        n
        for n, parameter in model.named_parameters()
        if parameter.ndim == 2
        and isinstance(
            model.get_submodule(n.rpartition('.')[0]),
            nn.Linear | nn.MultiheadAttention,
        )
    ]
    maps = linear_maps(model, 'backbone')
    assert list(dict.fromkeys(one.weight for one in maps)) == expected
    for weight in expected:
        rows = [one.shape[0] for one in maps if one.weight == weight]
        assert sum(rows) == len(model.get_parameter(weight))
    assert all(weight_of(model, one).shape == one.shape for one in maps)


@pytest.mark.parametrize('name', NUMBERS)
def test_a_block_is_where_the_residual_stream_says_it_is(name):
    """Width and layout are those of the input and the output of the call."""
    model = small_model(name)
    found = blocks(model, 'backbone')
    calls = Calls(model)
    assert len(found) == BLOCKS[name]
    for block in found:
        ((args, _, output),) = calls.of[block.name]
        assert args[0].shape == output.shape
        channels, axes = {
            'tokens': (2, 3),
            'map': (1, 4),
            'grid': (3, 4),
        }[block.layout]
        assert output.ndim == axes
        assert output.shape[channels] == block.width


@pytest.mark.parametrize('name', NUMBERS)
def test_the_branches_of_a_block_follow_their_norms(name):
    """What a norm returns is what its branch is called with."""
    model = small_model(name)
    found = blocks(model, 'backbone')
    calls = Calls(model)
    for block in found:
        # SAM cuts the input of the attention into windows in between.
        norm, branch = block.attention_norm, block.attention
        if norm and calls.input(branch).shape == calls.input(norm).shape:
            assert calls.input(branch) is calls.of[norm][0][2]
        if branch:
            assert len(calls.of[branch]) == 1
        if block.mlp:
            assert len(calls.of[block.mlp]) == 1
        if block.mlp_norm:
            mlp = block.mlp or f'{block.name}.pointwise_conv1'
            assert calls.input(mlp) is calls.of[block.mlp_norm][0][2]


@pytest.mark.parametrize('name', NUMBERS)
def test_a_block_whose_branches_return_zero_returns_its_input(name):
    """So there is no third branch."""
    model = small_model(name)
    found = [b for b in blocks(model, 'backbone') if b.map('fc2')]
    if name == 'mmpretrain edgenext':
        found = found[:1]  # the others mix by convolutions first
    for block in found:
        for one in filter(None, map(block.map, ('proj', 'fc2'))):
            layer = model.get_submodule(one.weight.rpartition('.')[0])
            layer.requires_grad_(False)
            layer.weight.zero_()
            layer.bias.zero_()
    calls = Calls(model)
    for block in found:
        ((args, _, output),) = calls.of[block.name]
        assert torch.equal(output, args[0])


@pytest.mark.parametrize('name', WITH_ATTENTION)
def test_attention_by_hand_from_the_maps_is_that_of_the_block(name):
    model = small_model(name)
    block = blocks(model, 'backbone')[0]
    heads = 1 if name in ('mit', 'mmpretrain pcpvt') else 2
    for parameter_name, parameter in model.named_parameters():
        if parameter_name.endswith('bias'):
            parameter.data.zero_()
    calls = Calls(model)
    x = calls.input(block.attention).flatten(1, -2)
    q, k, v = (
        F.linear(x, weight_of(model, block.map(kind)))
        .unflatten(-1, (heads, -1))
        .transpose(1, 2)
        for kind in 'qkv'
    )
    scores = (q @ k.mT) / math.sqrt(q.shape[-1])
    mixed = (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)
    expected = F.linear(mixed, weight_of(model, block.map('proj')))
    found = calls.branch(block.attention).flatten(1, -2)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize('name', WITH_ATTENTION)
def test_the_mlp_by_hand_from_the_maps_is_that_of_the_block(name):
    model = small_model(name)
    block = blocks(model, 'backbone')[0]
    if block.map('fc1') is None:
        assert name == 'mit'  # its MLP has convolutions
        return
    for one in (block.map('fc1'), block.map('fc2')):
        owner = model.get_submodule(one.weight.rpartition('.')[0])
        owner.bias.data.zero_()
    calls = Calls(model)
    hidden = F.gelu(
        F.linear(calls.input(block.mlp), weight_of(model, block.map('fc1')))
    )
    expected = F.linear(hidden, weight_of(model, block.map('fc2')))
    torch.testing.assert_close(calls.branch(block.mlp), expected)


@pytest.mark.parametrize('name', NUMBERS)
def test_the_maps_of_a_block_are_those_that_name_it(name):
    model = small_model(name)
    maps = linear_maps(model, 'backbone')
    found = blocks(model, 'backbone')
    inside = [one for block in found for one in block.maps]
    assert [one for one in maps if one.block] == inside
    for block in found:
        assert all(one.weight.startswith(block.name) for one in block.maps)
    assert all(one.kind == 'other' for one in maps if not one.block)


@pytest.mark.parametrize('name', NUMBERS)
def test_prefix_tokens_are_those_beyond_the_patches(name):
    model = small_model(name)
    found = blocks(model, 'backbone')
    number = num_prefix_tokens(model, 'backbone')
    if name not in PLAIN_VITS:
        assert number == 0
        return
    tokens = Calls(model).input(found[0].name).shape[1]
    assert number == tokens - (SIDE // 8) ** 2 == PLAIN_VITS[name]
