"""Folding into the weights, or the reason why it cannot be done."""

import pytest
import torch
from bits import other_bits
from rounding import assert_equal_to_rounding
from torch import nn

from gps_seg.additions import (
    Added,
    LinearForm,
    Place,
    Plan,
    attach,
    folded,
    is_added,
    merge,
)
from gps_seg.additions.kinds import ADDITIONS

LOW_RANK = {'rank': 2, 'scale': 0.5, 'dropout': 0.0}
BOTTLENECK = {'rank': 2, 'activation': 'gelu', 'init': 'zero_up'}


def model_with(*added, bias=True):
    attention = nn.MultiheadAttention(8, 2, batch_first=True, bias=bias)
    model = nn.ModuleDict({'attn': attention.double()})
    attach(model, Plan(added), seed=0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_()
    return model


def output(model):
    x = torch.arange(40.0).view(1, 5, 8).double().sin()
    return model['attn'](x, x, x)[0]


def test_all_rows_of_one_weight_are_folded():
    rows = [(0, 8), (16, 24)]
    places = [Place('attn.in_proj_weight', r) for r in rows]
    places.append(Place('attn.out_proj.weight'))
    model = model_with(*(Added('low_rank', p, LOW_RANK) for p in places))
    before, expected = dict(model.state_dict()), output(model)
    merge(model)
    assert not any(map(is_added, model.state_dict()))
    assert_equal_to_rounding(output(model), expected, terms=16, depth=8)
    found = model['attn'].in_proj_weight
    start = before['attn.in_proj_weight']
    assert not other_bits(found[8:16], start[8:16]).any()


def test_a_plain_model_stays_as_it_is():
    model = model_with()
    before = {n: t.clone() for n, t in model.state_dict().items()}
    merge(model)
    for name, tensor in model.state_dict().items():
        assert not other_bits(tensor, before[name]).any()


def test_the_state_that_is_folded_does_not_change():
    added = Added('low_rank', Place('attn.out_proj.weight'), LOW_RANK)
    model = model_with(added)
    state = {n: t.clone() for n, t in model.state_dict().items()}
    folded(state, Plan([added]))
    for name, tensor in model.state_dict().items():
        assert not other_bits(tensor, state[name]).any()


@pytest.mark.parametrize(
    'added',
    [
        Added('bottleneck', Place('attn.out_proj.weight'), BOTTLENECK),
        Added(
            'prompts',
            Place('attn'),
            {'shape': [2, 8], 'prefix': 0, 'bound': 0.1, 'dropout': 0.0},
        ),
    ],
)
def test_what_cannot_be_folded_changes_nothing(added):
    first = Added('low_rank', Place('attn.out_proj.weight'), LOW_RANK)
    others = [first] if added.kind == 'prompts' else []
    model = model_with(added, *others)
    before = {n: t.clone() for n, t in model.state_dict().items()}
    message = (
        rf'^merge: .*{added.kind} cannot be merged: .*not a linear .*attn'
    )
    with pytest.raises(ValueError, match=message):
        merge(model)
    assert model.state_dict().keys() == before.keys()
    for name, tensor in model.state_dict().items():
        assert not other_bits(tensor, before[name]).any()


class Shifted(LinearForm):
    """``y = W x + b + s``."""

    def __init__(self, shape):
        super().__init__(shape)
        self.s = nn.Parameter(torch.zeros(shape[0]))

    def forward(self, base, inputs):
        return base(inputs) + self.s

    def merged_map(self, weight, bias):
        return weight, self.s if bias is None else bias + self.s


def test_a_bias_is_folded_where_there_is_one(monkeypatch):
    monkeypatch.setitem(ADDITIONS, 'shifted', Shifted)
    added = Added('shifted', Place('attn.in_proj_weight', (8, 16)))
    model = model_with(added)
    expected = output(model)
    merge(model)
    assert_equal_to_rounding(output(model), expected, terms=16, depth=8)
    model = model_with(added, bias=False)
    with pytest.raises(ValueError, match='has no bias, and would need one'):
        merge(model)
    assert any(map(is_added, model.state_dict()))
