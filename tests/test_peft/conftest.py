"""A small model of plain torch, and batches for it."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn import functional as F


@pytest.fixture
def task():
    """A function that makes the same model and loss each time."""

    def make(dtype=torch.float32):
        torch.manual_seed(0)
        model = nn.ModuleDict(
            {
                'backbone': nn.Sequential(
                    nn.Conv2d(3, 8, 2, 2),
                    nn.Flatten(2),
                    nn.Linear(4, 6),
                    nn.Flatten(),
                    nn.Linear(48, 8),
                ),
                'head': nn.Linear(8, 2),
            }
        ).to(dtype)
        x = torch.randn(16, 3, 4, 4).to(dtype)
        y = torch.randint(0, 2, (16,))

        def loss():
            features = model['backbone'](x).tanh()
            return F.cross_entropy(model['head'](features).float(), y)

        return SimpleNamespace(model=model, loss=loss)

    return make
