"""A forward that is set on one module, and what stays of the plain module."""

import copy
import pickle

import pytest
import torch
from torch import nn

from gps_seg.execution.instance_forward import (
    has_own_forward,
    reset_forward,
    set_forward,
)


def forward(module, x):
    return 2 * type(module).forward(module, x)


def triple(module, x):
    return 3 * type(module).forward(module, x)


@pytest.fixture
def doubled():
    layer = nn.Linear(3, 2)
    x = torch.randn(4, 3)
    plain = layer(x)
    set_forward(layer, forward)
    return layer, x, plain


def test_only_this_module_runs_it_until_it_is_reset(doubled):
    layer, x, plain = doubled
    assert torch.equal(layer(x), 2 * plain)
    assert not has_own_forward(nn.Linear(3, 2))
    reset_forward(layer)
    assert torch.equal(layer(x), plain)
    assert 'forward' not in vars(layer)


def test_hooks_and_keys_stay(doubled):
    layer, x, plain = doubled
    seen = []
    layer.register_forward_hook(lambda _m, _x, output: seen.append(output))
    layer(x)
    assert torch.equal(seen[0], 2 * plain)
    assert type(layer) is nn.Linear
    assert list(layer.state_dict()) == ['weight', 'bias']


def test_a_deep_copy_runs_it_with_its_own_weights(doubled):
    layer, x, plain = doubled
    twin = copy.deepcopy(layer)
    nn.init.zeros_(layer.weight)
    assert torch.equal(twin(x), 2 * plain)
    assert twin.forward.__self__ is twin


def test_a_pickle_holds_the_plain_module(doubled):
    layer, x, plain = doubled
    data = pickle.dumps(layer)
    assert b'gps_seg' not in data
    loaded = pickle.loads(data)
    assert torch.equal(loaded(x), plain)
    assert not has_own_forward(loaded)
    set_forward(loaded, forward)
    assert torch.equal(loaded(x), 2 * plain)


def test_a_second_forward_is_refused(doubled):
    with pytest.raises(ValueError, match='got another'):
        set_forward(doubled[0], forward)


def test_a_function_that_a_pickle_would_not_find_is_refused():
    with pytest.raises(ValueError, match='triple'):
        set_forward(nn.Linear(3, 2), triple)
