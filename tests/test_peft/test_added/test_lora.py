"""LoRA against its definition: a map with the weight W + s B A."""

import math

import pytest
import torch
from torch import nn
from torch.func import functional_call

from gps_seg.additions import additions_of, merge
from gps_seg.peft import LoRA, tune

WIDTH, HIDDEN, RANK = 8, 16, 3
ROWS = {'q': slice(0, WIDTH), 'k': slice(WIDTH, 16), 'v': slice(16, 24)}


def make():
    """A transformer layer with packed projections, and a head."""
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(
        WIDTH, 2, HIDDEN, 0.0, batch_first=True, norm_first=True
    )
    model = nn.ModuleDict(
        {'backbone': nn.Sequential(layer), 'head': nn.Linear(WIDTH, 2)}
    )
    return model.double(), torch.randn(2, 5, WIDTH).double()


def tuned(**settings):
    """The model, its input, and its updates with random values, by place."""
    model, x = make()
    tune(model, LoRA(rank=RANK, **settings), [], seed=0)
    updates = {
        str(one.described.place): one for one in additions_of(model).values()
    }
    for update in updates.values():
        nn.init.normal_(update.b)
    return model, x, updates


def test_outputs_and_gradients_are_those_of_the_changed_weights():
    alpha = 6.0
    model, x, updates = tuned(alpha=alpha, on=['q', 'v', 'fc1', 'fc2'])
    packed = 'backbone.0.self_attn.in_proj_weight'
    assert sorted(updates) == [
        'backbone.0.linear1.weight',
        'backbone.0.linear2.weight',
        f'{packed}[0:8]',
        f'{packed}[16:24]',
    ]
    plain, _ = make()
    weights = {n: p.detach().clone() for n, p in plain.named_parameters()}
    leaves = {}
    for place, update in updates.items():
        name, _, rows = place.partition('[')
        a = update.a.detach().clone().requires_grad_()
        b = update.b.detach().clone().requires_grad_()
        leaves[place] = a, b
        part = slice(*map(int, rows[:-1].split(':'))) if rows else slice(None)
        changed = weights[name].clone()
        changed[part] = changed[part] + alpha / RANK * (b @ a)
        weights[name] = changed
    expected = functional_call(plain['backbone'], _inside(weights), x)
    outputs = model['backbone'](x)
    torch.testing.assert_close(outputs, expected)

    outputs.sin().sum().backward()
    expected.sin().sum().backward()
    for place, (a, b) in leaves.items():
        torch.testing.assert_close(updates[place].a.grad, a.grad)
        torch.testing.assert_close(updates[place].b.grad, b.grad)


def _inside(weights):
    start = 'backbone.'
    return {
        name.removeprefix(start): weight
        for name, weight in weights.items()
        if name.startswith(start)
    }


def test_at_the_start_nothing_changes():
    model, x = make()
    before = model['backbone'](x)
    tune(model, LoRA(rank=RANK, on=['all']), [], seed=0)
    assert len(additions_of(model)) == 6
    torch.testing.assert_close(model['backbone'](x), before)


def test_a_merged_model_computes_the_same():
    model, x, _ = tuned(on=['all'], alpha=5)
    before = model['backbone'](x)
    merge(model)
    assert additions_of(model) == {}
    torch.testing.assert_close(model['backbone'](x), before)


def test_inputs_of_an_update_are_dropped_in_training_alone():
    model, x, updates = tuned(on=['fc1'], dropout=0.5)
    (update,) = updates.values()
    layer = model['backbone'][0].linear1
    plain = x @ layer.weight.T + layer.bias
    model.eval()
    torch.testing.assert_close(layer(x), plain + x @ (update.b @ update.a).T)
    model.train()
    torch.manual_seed(1)
    outputs = layer(x)
    torch.manual_seed(1)
    kept = x * (nn.functional.dropout(torch.ones_like(x), 0.5))
    torch.testing.assert_close(outputs, plain + kept @ (update.b @ update.a).T)


@pytest.mark.parametrize(
    ('settings', 'scale'),
    [
        ({}, 1),
        ({'alpha': 16}, 4),
        ({'stable': True}, math.sqrt(4)),
        ({'alpha': 16, 'stable': True}, 16 / math.sqrt(4)),
    ],
)
def test_the_factor_is_alpha_by_the_rank_or_its_root(settings, scale):
    model, _ = make()
    plan = LoRA(rank=4, **settings).additions(model, None)
    assert {one.settings['scale'] for one in plan} == {scale}


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'rank': 0}, 'rank: expected rank >= 1, got 0'),
        ({'rank': WIDTH + 1}, 'rank: expected 1 to 8 for a map with 8 inputs'),
        ({'alpha': 0}, 'alpha: expected a number above 0, got 0'),
        ({'on': ['qkv']}, r"Choose from \['q', 'k', 'v', 'proj', 'fc1'"),
        ({'dropout': 1.0}, r'dropout: expected a number in \[0, 1\), got 1.0'),
        ({'dropout': -0.1}, 'dropout: expected a number in'),
    ],
)
def test_a_wrong_setting_is_refused(settings, message):
    model, _ = make()
    names = set(model.state_dict())
    with pytest.raises(ValueError, match=message):
        tune(model, LoRA(**settings), [], seed=0)
    assert set(model.state_dict()) == names
