"""Connections that no rule knows are named, and nothing else is."""

import warnings

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, weight_norm

from gps_seg.peft import GPS, Bias, Linear, tune


class Packed(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Parameter(torch.zeros(8, 8))


class Plain(nn.Module):
    """What only looks like connections."""

    def __init__(self):
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, 8))
        self.pos_embed = nn.Parameter(torch.zeros(1, 5, 8))
        self.scale = nn.Parameter(torch.zeros(4, 1, 1))
        self.relative_position_bias_table = nn.Parameter(torch.zeros(9, 3))
        self.words = nn.Embedding(9, 8)
        self.temperature = nn.Parameter(torch.zeros(()))
        self.norm = nn.LayerNorm([3, 8])


NAMED = {
    'weight norm, as it was': (
        lambda: weight_norm(nn.Linear(8, 8)),
        'Linear.weight_v (backbone.1.weight_v)',
    ),
    'weight norm': (
        lambda: parametrizations.weight_norm(nn.Linear(8, 8)),
        'original1',
    ),
    'spectral norm': (
        lambda: parametrizations.spectral_norm(nn.Linear(8, 8)),
        'backbone.1.parametrizations.weight.original',
    ),
    'two inputs': (lambda: nn.Bilinear(8, 8, 8), 'Bilinear.weight'),
    'recurrent': (lambda: nn.LSTM(8, 8), 'LSTM.weight_hh_l0'),
    'a parameter of its own': (Packed, 'Packed.qkv (backbone.1.qkv)'),
}


def model_with(module):
    encoder = nn.Sequential(nn.Linear(8, 8), module)
    return nn.ModuleDict({'backbone': encoder, 'head': nn.Bilinear(8, 8, 2)})


@pytest.mark.filterwarnings('ignore:.*weight_norm.* is deprecated')
@pytest.mark.parametrize('case', NAMED)
def test_what_no_row_is_about_is_named_once(case):
    make, expected = NAMED[case]
    model = model_with(make())
    with pytest.warns(UserWarning, match='no row matches') as caught:
        tune(model, GPS(k=1, score='magnitude'), [], seed=0)
    (warning,) = caught
    assert expected in str(warning.message)
    assert warning.filename == __file__


@pytest.mark.parametrize(
    ('method', 'module'),
    [
        (GPS(k=1), nn.Conv2d(3, 8, 2)),
        (GPS(k=1), nn.MultiheadAttention(8, 2)),
        (GPS(k=1), nn.Bilinear(8, 8, 8).requires_grad_(False)),
        (Bias(), nn.Bilinear(8, 8, 8)),
        (Linear(), nn.Bilinear(8, 8, 8)),
    ],
)
def test_nothing_is_said_where_nothing_is_passed_over(method, module):
    assert list(method.cautions(model_with(module))) == []


def test_tokens_tables_and_scales_are_no_connections():
    plain = Plain()
    plain.norm.requires_grad_(False)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        tune(model_with(plain), GPS(k=1, score='magnitude'), [], seed=0)


def test_a_rule_of_the_method_is_an_answer():
    rule = dict(module='Bilinear', attribute='weight', role='frozen')
    method = GPS(k=1, rules=[rule])
    assert list(method.cautions(model_with(nn.Bilinear(8, 8, 8)))) == []
