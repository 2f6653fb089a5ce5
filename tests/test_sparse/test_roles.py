"""Roles come from module types, never from names."""

import pytest
import torch
from torch import nn

from gps_seg.sparse import Role, gps_roles, owned_parameters


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, 8))
        self.relative_position_bias_table = nn.Parameter(torch.zeros(9, 2))
        self.norm_proj = nn.Linear(8, 8)  # a Linear, whatever it is called
        self.bias = nn.LayerNorm(8)  # a norm, whatever it is called
        self.attention = nn.MultiheadAttention(8, 2, add_bias_kv=True)
        self.stem = nn.Conv2d(3, 8, 2, bias=False)
        self.batch = nn.BatchNorm2d(8)
        self.words = nn.Embedding(5, 8)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Encoder()
        self.decode_head = nn.Sequential(nn.Conv2d(8, 2, 1), nn.BatchNorm2d(2))


def test_every_kind_of_parameter():
    roles = gps_roles(Model(), 'backbone')
    selected = {n for n, role in roles.items() if role is Role.SELECTED}
    whole = {n for n, role in roles.items() if role is Role.WHOLE}
    assert selected == {
        'backbone.norm_proj.weight',
        'backbone.attention.in_proj_weight',
        'backbone.attention.out_proj.weight',
        'backbone.stem.weight',
    }
    assert whole == {
        'backbone.norm_proj.bias',
        'backbone.attention.in_proj_bias',
        'backbone.attention.out_proj.bias',
        'decode_head.0.weight',
        'decode_head.0.bias',
        'decode_head.1.weight',
        'decode_head.1.bias',
    }
    assert roles.keys() == dict(Model().named_parameters()).keys()


def test_what_the_config_froze_stays_frozen():
    model = Model()
    model.backbone.norm_proj.requires_grad_(False)
    model.decode_head[0].weight.requires_grad_(False)
    roles = gps_roles(model, 'backbone')
    assert roles['backbone.norm_proj.weight'] is Role.FROZEN
    assert roles['backbone.norm_proj.bias'] is Role.FROZEN
    assert roles['decode_head.0.weight'] is Role.FROZEN


def test_separate_query_key_and_value_weights_are_selected():
    model = Model()
    model.backbone.attention = nn.MultiheadAttention(8, 2, kdim=4, vdim=6)
    roles = gps_roles(model, 'backbone')
    for letter in 'qkv':
        name = f'backbone.attention.{letter}_proj_weight'
        assert roles[name] is Role.SELECTED


def test_a_tied_weight_has_one_role_under_its_first_name():
    model = Model()
    model.backbone.tied = nn.Linear(8, 8)
    model.backbone.tied.weight = model.backbone.norm_proj.weight
    names = [name for name, _ in owned_parameters(model)]
    assert names == [name for name, _ in model.named_parameters()]
    assert 'backbone.tied.weight' not in names


def test_an_unknown_encoder_lists_the_children():
    with pytest.raises(ValueError, match=r"'bacbone'.*'backbone', 'decode_"):
        gps_roles(Model(), 'bacbone')
