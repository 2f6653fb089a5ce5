"""A model small enough to count by hand, and one real one."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gps_seg.peft import weights_to_select
from gps_seg.sparse import Budget, Connections, Scores, gps_roles, running_sums
from gps_seg.sparse.state import undisturbed


def select(model, loss, k):
    weights = weights_to_select(model, gps_roles(model, 'backbone'))
    parameters = {name: owned.parameter for name, owned in weights.items()}
    with undisturbed(model):
        (sums,) = running_sums(parameters, iter([loss()]))
        scores = Scores('gradient', parameters, sums, seed=0)
    return Budget('neuron', Connections(k)).select(scores, weights)[0]


@pytest.fixture
def toy():
    """Makes a two-layer encoder with a head, its loss, and a selection."""

    def make(k=1):
        torch.manual_seed(0)
        backbone = nn.Sequential(nn.Linear(3, 4), nn.GELU(), nn.Linear(4, 2))
        model = nn.ModuleDict({'backbone': backbone, 'head': nn.Linear(2, 2)})
        inputs, labels = torch.randn(5, 3), torch.tensor([0, 1, 1, 0, 1])

        def loss():
            outputs = model['head'](model['backbone'](inputs))
            return F.cross_entropy(outputs, labels)

        return SimpleNamespace(
            model=model, loss=loss, selection=select(model, loss, k)
        )

    return make


@pytest.fixture
def tiny():
    """Makes the architecture ``tiny``, its loss, and a selection."""
    from gps_seg.benchmark.architectures import (
        build_segmentor,
        synthetic_loss,
    )

    def make(k=1):
        model = build_segmentor('tiny', 32, seed=0)
        loss = synthetic_loss(model, 32, batch=2, seed=1)
        return SimpleNamespace(
            model=model, loss=loss, selection=select(model, loss, k)
        )

    return make
