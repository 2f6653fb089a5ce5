"""A model and the generators are left as they were found."""

import random
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from torch import nn

from gps_seg.sparse.state import fork_rng, seed_all, undisturbed


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


class Prototypes(nn.Module):
    """Assigns one buffer anew, makes one when it is needed, and adds one."""

    def __init__(self):
        super().__init__()
        self.register_buffer('center', torch.zeros(2))
        self.register_buffer('table', None)

    def forward(self, x):
        self.center = 0.9 * self.center + 0.1 * x.mean(0)
        self.table = torch.arange(len(x))
        self.register_buffer('late', x.detach())
        return x - self.center


def test_buffers_that_a_forward_assigns_are_restored():
    model = Prototypes()
    center = model.center
    with undisturbed(model):
        model(torch.ones(3, 2))
    assert model.center is center
    assert center.tolist() == [0, 0]
    assert model.table is None
    assert list(model.state_dict()) == ['center']


def test_many_devices_are_no_reason_to_warn(monkeypatch):
    forked = []

    @contextmanager
    def fork(devices=None):
        forked.append(devices if devices is None else list(devices))
        yield

    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 2)
    monkeypatch.setattr(torch.random, 'fork_rng', fork)
    with undisturbed(nn.Linear(2, 2)):
        pass
    assert [0, 1] in forked
    assert None not in forked  # all of them, with a warning


def test_fork_rng_restores_all_three_generators():
    seed_all(5)
    expected = draw()
    seed_all(5)
    with fork_rng():
        draw()
    assert draw() == expected
