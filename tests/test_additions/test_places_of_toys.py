# Copyright (c) gps_seg contributors. Apache-2.0.
"""Linear maps and blocks of models that a user may write, and errors."""

import re

import pytest
import torch
from torch import nn

from gps_seg.additions.places import (
    blocks,
    choose_maps,
    linear_maps,
    num_prefix_tokens,
)


class Attention(nn.Module):
    def __init__(self, names: dict[str, int]) -> None:
        super().__init__()
        for name, out in names.items():
            self.add_module(name, nn.Linear(8, out))


class Mlp(nn.Module):
    def __init__(self, hidden: int = 16, out: int = 8) -> None:
        super().__init__()
        self.fc1 = nn.Linear(8, hidden)
        self.fc2 = nn.Linear(hidden, out)


class Layer(nn.Module):
    """A block in the form of timm."""

    def __init__(self, attention: nn.Module) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(8)
        self.attn = attention
        self.norm2 = nn.LayerNorm(8)
        self.mlp = Mlp()


class LeAttention(Attention):
    """The name of MMPretrain's, which packs q, k, v head by head."""


def in_a_model(encoder: nn.Module) -> nn.Module:
    return nn.ModuleDict({'encoder': encoder, 'head': nn.Linear(8, 2)})


def found(encoder: nn.Module) -> list[tuple[object, ...]]:
    return [
        (one.weight.removeprefix('encoder.'), one.rows, one.kind, one.block)
        for one in linear_maps(in_a_model(encoder), 'encoder')
    ]


def timm_like(depth: int = 1) -> nn.Module:
    layers = [Layer(Attention({'qkv': 24, 'proj': 8})) for _ in range(depth)]
    vit = nn.Module()
    vit.blocks = nn.Sequential(*layers)
    return vit


def test_a_block_in_the_form_of_timm():
    name = 'encoder.blocks.0'
    assert found(timm_like()) == [
        ('blocks.0.attn.qkv.weight', (0, 8), 'q', name),
        ('blocks.0.attn.qkv.weight', (8, 16), 'k', name),
        ('blocks.0.attn.qkv.weight', (16, 24), 'v', name),
        ('blocks.0.attn.proj.weight', None, 'proj', name),
        ('blocks.0.mlp.fc1.weight', None, 'fc1', name),
        ('blocks.0.mlp.fc2.weight', None, 'fc2', name),
    ]
    (block,) = blocks(in_a_model(timm_like()), 'encoder')
    assert block.attention_norm == f'{name}.norm1'
    assert (block.attention, block.mlp) == (f'{name}.attn', f'{name}.mlp')
    assert block.mlp_norm == f'{name}.norm2'


def test_the_maps_of_the_eleventh_block_are_not_those_of_the_second():
    names = [f'encoder.blocks.{i}' for i in range(11)]
    ten_more = blocks(in_a_model(timm_like(depth=11)), 'encoder')
    assert [block.name for block in ten_more] == names
    assert [len(block.maps) for block in ten_more] == [6] * 11


def test_keys_and_values_may_be_packed_without_the_queries():
    attention = Attention({'q': 8, 'kv': 16, 'proj': 8})
    assert found(attention) == [
        ('q.weight', None, 'q', ''),
        ('kv.weight', (0, 8), 'k', ''),
        ('kv.weight', (8, 16), 'v', ''),
        ('proj.weight', None, 'proj', ''),
    ]


def test_projections_may_be_modules_of_their_own():
    names = {'query': 8, 'key': 8, 'value': 8, 'out_proj': 8}
    kinds = [kind for _, _, kind, _ in found(Attention(names))]
    assert kinds == ['q', 'k', 'v', 'proj']


def test_multihead_attention_with_other_keys_has_a_weight_for_each():
    attention = nn.MultiheadAttention(8, 2, kdim=4, vdim=6)
    model = in_a_model(attention)
    assert [(m.kind, m.shape) for m in linear_maps(model, 'encoder')] == [
        ('q', (8, 8)),
        ('k', (8, 4)),
        ('v', (8, 6)),
        ('proj', (8, 8)),
    ]


@pytest.mark.parametrize(
    'attention',
    [
        LeAttention({'qkv': 24, 'proj': 8}),
        Attention({'qkv': 28, 'proj': 8}),  # keys are narrower than values
    ],
)
def test_packed_rows_in_an_unknown_order_are_one_other_map(attention):
    assert found(attention) == [
        ('qkv.weight', None, 'other', ''),
        ('proj.weight', None, 'proj', ''),
    ]


@pytest.mark.parametrize(
    'toy',
    [
        nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8)),
        nn.ModuleDict({'q': nn.Linear(8, 8), 'proj': nn.Linear(8, 8)}),
        nn.ModuleDict({'fc1': nn.Linear(8, 8), 'fc3': nn.Linear(8, 8)}),
        Mlp(out=4),  # a head: it does not return to the width
    ],
)
def test_linear_layers_in_any_other_form_are_other_maps(toy):
    assert {(rows, kind, name) for _, rows, kind, name in found(toy)} == {
        (None, 'other', '')
    }
    assert blocks(in_a_model(toy), 'encoder') == []


def test_a_block_keeps_its_width():
    layer = Layer(Attention({'qkv': 24, 'proj': 8}))
    layer.mlp = nn.ModuleDict({'fc1': nn.Linear(4, 8), 'fc2': nn.Linear(8, 4)})
    assert blocks(in_a_model(layer), 'encoder') == []


def test_the_norms_of_a_torch_layer_may_come_last():
    def norms(norm_first: bool) -> tuple[str | None, str | None]:
        layer = nn.TransformerEncoderLayer(8, 2, 16, norm_first=norm_first)
        (block,) = blocks(in_a_model(layer), 'encoder')
        return block.attention_norm, block.mlp_norm

    assert norms(True) == ('encoder.norm1', 'encoder.norm2')
    assert norms(False) == (None, None)


def test_the_second_norm_goes_by_its_number():
    layer = nn.Module()
    layer.norm1 = nn.LayerNorm(8)
    layer.attn = nn.MultiheadAttention(8, 2)
    layer.norm3 = nn.LayerNorm(8)  # of the convolution in a block of XCiT
    layer.norm2 = nn.LayerNorm(8)
    layer.mlp = Mlp()
    (block,) = blocks(in_a_model(layer), 'encoder')
    assert block.mlp_norm == 'encoder.norm2'


def test_a_shared_weight_is_one_map_with_its_first_name():
    toy = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 8))
    toy[2].weight = toy[0].weight
    assert [name for name, *_ in found(toy)] == ['0.weight', '1.weight']


def test_a_frozen_weight_is_listed():
    toy = nn.Linear(8, 8).requires_grad_(False)
    assert [name for name, *_ in found(toy)] == ['weight']


def test_a_subclass_of_linear_is_a_linear_map():
    class Mine(nn.Linear):
        pass

    assert [name for name, *_ in found(Mine(8, 8))] == ['weight']


def test_all_stands_for_every_kind_but_other():
    vit = timm_like()
    vit.neck = nn.Linear(8, 8)
    model = in_a_model(vit)
    maps = linear_maps(model, 'encoder')
    assert len(maps) == 7
    assert choose_maps(model, 'encoder', ('all',)) == maps[:6]
    assert choose_maps(model, 'encoder', ['other']) == maps[6:]


def test_chosen_maps_are_in_module_order_and_appear_once():
    model = in_a_model(timm_like(depth=2))
    chosen = choose_maps(model, 'encoder', ['v', 'q', 'v'])
    assert [one.kind for one in chosen] == ['q', 'v', 'q', 'v']


@pytest.mark.parametrize(
    ('encoder', 'on', 'expected'),
    [
        (
            nn.MultiheadAttention(8, 2),
            ['q', 'key'],
            "has, got ['q', 'key'] ('encoder', MultiheadAttention). Choose "
            "from ['q', 'k', 'v', 'proj'], or ('all',) for all but 'other'.",
        ),
        (nn.MultiheadAttention(8, 2), ['fc1'], "got ['fc1']"),
        (nn.MultiheadAttention(8, 2), [], 'got []'),
        (nn.MultiheadAttention(8, 2), 'q', "got 'q'"),
        (nn.MultiheadAttention(8, 2), ['all', 'q'], "got ['all', 'q']"),
        (
            nn.Linear(8, 8),
            ('all',),
            "got ('all',) ('encoder', Linear). Choose from ['other'].",
        ),
        (nn.Linear(8, 8), 3, "got 3 ('encoder', Linear)."),
        (nn.Linear(8, 8), None, "got None ('encoder', Linear)."),
        (nn.Linear(8, 8), [['q']], "got [['q']] ('encoder', Linear)."),
        (
            nn.Conv2d(8, 8, 1),
            ('all',),
            'It has no linear maps; take a method that needs none.',
        ),
    ],
)
def test_a_choice_that_the_encoder_lacks_is_refused(encoder, on, expected):
    with pytest.raises(ValueError, match=re.escape(expected)):
        choose_maps(in_a_model(encoder), 'encoder', on)


@pytest.mark.parametrize('look', [linear_maps, blocks, num_prefix_tokens])
def test_an_encoder_that_is_not_there_is_refused(look):
    with pytest.raises(ValueError, match="submodule of the model, got 'back"):
        look(in_a_model(nn.Linear(8, 8)), 'backbone')


def test_registers_are_counted_with_the_class_token():
    vit = timm_like()
    vit.cls_token = nn.Parameter(torch.zeros(1, 1, 8))
    vit.register_tokens = nn.Parameter(torch.zeros(1, 4, 8))
    assert num_prefix_tokens(in_a_model(vit), 'encoder') == 5


def test_the_tokens_of_a_wrapped_vit_are_counted():
    """The wrappers of timm hold its model as a child."""
    vit = timm_like()
    vit.cls_token = nn.Parameter(torch.zeros(1, 1, 8))
    wrapper = nn.ModuleDict({'timm_model': vit})
    assert num_prefix_tokens(in_a_model(wrapper), 'encoder') == 1
