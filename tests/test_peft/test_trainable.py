"""A plain torch model, tuned without any framework."""

import copy

import pytest
import torch
from bits import other_bits
from torch import nn
from torch.nn import functional as F

from gps_seg.peft import GPS, METHODS, Bias, Full, Linear, tune


def make():
    model = nn.ModuleDict(
        {'backbone': nn.Linear(6, 4), 'head': nn.Linear(4, 2)}
    )
    x, y = torch.randn(16, 6), torch.randint(0, 2, (16,))

    def loss():
        return F.cross_entropy(model['head'](model['backbone'](x)), y)

    return model, loss


def test_gps_takes_the_largest_gradient_of_each_row():
    model, loss = make()
    (gradient,) = torch.autograd.grad(loss(), model['backbone'].weight)
    tuned = tune(model, GPS(k=1), [loss], seed=0)
    rows = gradient.abs().argmax(dim=1)
    expected = [int(row) * 6 + int(col) for row, col in enumerate(rows)]
    entries = tuned.selected['backbone.weight']
    assert entries.indices.tolist() == expected
    assert tuned.count() == {'selected': 4, 'whole': 4 + 8 + 2}


def test_what_trains_has_the_names_of_the_model():
    """Selected values stand under the name of their weight."""
    model, loss = make()
    tuned = tune(model, GPS(k=1), [loss], seed=0)
    found = dict(tuned.named_parameters())
    assert {name: tuple(p.shape) for name, p in found.items()} == {
        'backbone.weight': (4,),
        'backbone.bias': (4,),
        'head.weight': (2, 4),
        'head.bias': (2,),
    }
    assert list(found.values()) == list(tuned.parameters())
    assert found['head.bias'] is model['head'].bias
    assert tuned.whole == {'backbone.bias', 'head.weight', 'head.bias'}


def test_training_moves_what_was_declared_and_nothing_else():
    model, loss = make()
    before = copy.deepcopy(model.state_dict())
    tuned = tune(model, GPS(k=2), [loss], seed=0)
    optimizer = torch.optim.AdamW(
        tuned.parameters(), lr=0.01, weight_decay=0.5
    )
    start = loss().item()
    for _ in range(10):
        loss().backward()
        optimizer.step()
        optimizer.zero_grad()
        tuned.write()
    assert loss().item() < start
    changed = other_bits(before['backbone.weight'], model['backbone'].weight)
    indices = changed.flatten().nonzero().flatten()
    selected = tuned.selected['backbone.weight'].indices
    assert torch.equal(indices, selected)


@pytest.mark.parametrize(
    ('method', 'names'),
    [
        (Linear(), {'head.weight', 'head.bias'}),
        (Bias(), {'backbone.bias', 'head.weight', 'head.bias'}),
        (
            Full(),
            {'backbone.weight', 'backbone.bias', 'head.weight', 'head.bias'},
        ),
    ],
)
def test_methods_without_a_selection_ask_for_no_loss(method, names):
    model, _ = make()

    def forbidden():
        raise AssertionError('a loss was computed')

    tuned = tune(model, method, [forbidden], seed=0)
    assert set(tuned.names.values()) == names
    trains = {n for n, p in model.named_parameters() if p.requires_grad}
    assert trains == names


def test_random_selection_is_seeded_and_of_the_same_size():
    def indices(seed):
        model, loss = make()
        method = GPS(k=2, score='random')
        tuned = tune(model, method, [loss], seed=seed)
        return tuned.selected['backbone.weight'].indices.tolist()

    assert indices(0) == indices(0) != indices(1)
    assert len(indices(0)) == 8


def test_every_method_has_its_row():
    assert sorted(METHODS) == [
        'bias',
        'full',
        'gps',
        'grft',
        'linear',
        'lora',
        'peft',
        'sift',
    ]
