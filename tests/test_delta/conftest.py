# Copyright (c) gps_seg contributors. Apache-2.0.
"""A small model, two tasks on it, and their deltas."""

import copy

import pytest
import torch
from torch import nn

from gps_seg.delta import Delta, DeltaInfo, extract, quantized
from gps_seg.sparse import Selection


class ToyNet(nn.Module):
    """Encoder with a convolution, BatchNorm and a Linear; a head."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(3, 6, 2), nn.BatchNorm2d(6), nn.Linear(5, 300)
        )
        self.head = nn.Conv2d(6, 2, 1)


INFO = DeltaInfo(
    classes=('background', 'polyp'),
    palette=((0, 0, 0), (255, 0, 0)),
    method={'type': 'gps', 'k': 1},
    config='model = dict()\n# größer',
    metric={'mDice': 88.25},
)


@pytest.fixture
def model() -> ToyNet:
    torch.manual_seed(7)
    return ToyNet()


@pytest.fixture
def base(model):
    """State dict of the base, a copy."""
    return copy.deepcopy(model.state_dict())


def tune(base, seed, rows=None):
    """Selection and tuned state: one weight per neuron, biases, buffers."""
    generator = torch.Generator().manual_seed(seed)
    tuned = copy.deepcopy(base)
    indices, shapes = {}, {}
    for name in ('backbone.0.weight', 'backbone.2.weight'):
        weight = tuned[name]
        fan_in = weight[0].numel()
        start = torch.arange(len(weight)) * fan_in
        column = torch.randint(fan_in, (len(weight),), generator=generator)
        indices[name] = (start + column)[:rows]
        shapes[name] = weight.shape
        new = torch.randn(len(indices[name]), generator=generator)
        weight.put_(indices[name], new)
    for name in ('backbone.0.bias', 'backbone.2.bias', 'head.weight'):
        tuned[name] = torch.randn(tuned[name].shape, generator=generator)
    tuned['backbone.1.running_mean'] += 0.5
    tuned['backbone.1.num_batches_tracked'] += 40 + seed
    return Selection(indices, shapes), tuned


@pytest.fixture(name='tune')
def tune_fixture():
    """Function: selection and tuned state of a task, from base and seed."""
    return tune


@pytest.fixture
def tuned(base):
    return tune(base, seed=1)[1]


@pytest.fixture
def delta(base) -> Delta:
    _, tuned = tune(base, seed=1)
    return extract(base, tuned, INFO)


@pytest.fixture
def other(base) -> Delta:
    """Another task, with a varying number of entries per row."""
    _, tuned = tune(base, seed=2, rows=5)
    return extract(base, tuned)


@pytest.fixture
def path(delta, tmp_path):
    """A file of `delta`."""
    file = tmp_path / 'delta.safetensors'
    delta.save(file)
    return file


@pytest.fixture
def state_bits():
    """Function: the bytes of every tensor of a state dict or model."""

    def bits(source):
        state = source if isinstance(source, dict) else source.state_dict()
        return {n: t.numpy().tobytes() for n, t in state.items()}

    return bits


@pytest.fixture
def three(base, tune, delta, other):
    """Deltas of one base; their selections overlap in part."""
    third = quantized(base, extract(base, tune(base, seed=3)[1]), bits=8)
    name = 'backbone.2.weight'
    one, two = (set(d.selection[name].tolist()) for d in (delta, third))
    assert one & two and one - two and two - one
    return delta, other, third
