"""A model and the generators are left as they were found."""

import random

import numpy as np
import pytest
import torch
from torch import nn

from gps_seg.sparse import fork_rng, seed_all, undisturbed


def draw():
    return random.random(), float(np.random.rand()), float(torch.rand(()))


@pytest.mark.parametrize('fails', [False, True])
def test_everything_but_the_values_is_restored(fails):
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout())
    model[0].eval()
    model[1].weight.requires_grad_(False)
    model(torch.randn(8, 4)).sum().backward()
    before = {
        'training': [m.training for m in model.modules()],
        'buffers': [b.clone() for b in model.buffers()],
        'requires_grad': [p.requires_grad for p in model.parameters()],
        'grads': [p.grad for p in model.parameters()],
        'grad_values': [
            None if p.grad is None else p.grad.clone()
            for p in model.parameters()
        ],
    }
    seed_all(7)
    expected = draw()
    seed_all(7)
    try:
        with undisturbed(model):
            assert all(p.grad is None for p in model.parameters())
            seed_all(1)
            model.train().requires_grad_(True)
            model(torch.randn(8, 4)).square().sum().backward()
            assert not torch.equal(before['buffers'][0], model[1].running_mean)
            if fails:
                raise KeyError
    except KeyError:
        assert fails
    assert draw() == expected
    assert [m.training for m in model.modules()] == before['training']
    flags = [p.requires_grad for p in model.parameters()]
    assert flags == before['requires_grad']
    for parameter, grad, value in zip(
        model.parameters(),
        before['grads'],
        before['grad_values'],
        strict=True,
    ):
        assert parameter.grad is grad
        assert grad is None or torch.equal(grad, value)
    for buffer, value in zip(model.buffers(), before['buffers'], strict=True):
        assert torch.equal(buffer, value)


def test_fork_rng_restores_all_three_generators():
    seed_all(5)
    expected = draw()
    seed_all(5)
    with fork_rng():
        draw()
    assert draw() == expected
