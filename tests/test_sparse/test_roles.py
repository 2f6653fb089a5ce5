"""Every parameter is found once, with the module that owns it."""

import torch
from torch import nn

from gps_seg.sparse import Owned, owned_parameters


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(8, 8), nn.LayerNorm(8))
        self.tied = nn.Linear(8, 8)
        self.tied.weight = self.backbone[0].weight


def test_a_tied_weight_comes_once_under_its_first_name():
    model = Model()
    names = [name for name, _ in owned_parameters(model)]
    assert names == [name for name, _ in model.named_parameters()]
    assert 'tied.weight' not in names


def test_owner_attribute_and_kind():
    model = Model()
    owned = dict(owned_parameters(model))['backbone.1.bias']
    assert owned.parameter is model.backbone[1].bias
    assert owned.module is model.backbone[1]
    assert owned.attribute == 'bias'
    assert owned.kind == 'LayerNorm.bias'


def test_a_parameter_of_the_model_itself():
    linear = nn.Linear(2, 2)
    assert [name for name, _ in owned_parameters(linear)] == ['weight', 'bias']


def test_a_bias_is_known_by_the_end_of_its_name():
    """And a token or a table of positions is none."""
    attention = nn.MultiheadAttention(4, 2, add_bias_kv=True)
    found = {
        name.rpartition('.')[2]: owned.is_bias
        for name, owned in owned_parameters(attention)
    }
    assert found == {
        'in_proj_weight': False,
        'in_proj_bias': True,
        'bias_k': False,
        'bias_v': False,
        'weight': False,
        'bias': True,
    }
    table = nn.Parameter(torch.zeros(3, 2))
    kind = 'relative_position_bias_table'
    assert not Owned(table, attention, kind).is_bias
    assert Owned(table, attention, 'q_bias').is_bias
