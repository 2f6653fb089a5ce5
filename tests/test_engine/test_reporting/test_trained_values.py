"""Which values train, against counts by hand."""

import torch
from torch import nn

from gps_seg.engine.reporting.trained_values import (
    TrainedValues,
    count_plain,
    count_trained,
)
from gps_seg.peft import METHODS, tune


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(4, 3), nn.LayerNorm(3))
        self.decode_head = nn.Linear(3, 2)

    def forward(self, x):
        return self.decode_head(self.backbone(x))


def counted(method):
    model, data = Model(), torch.randn(8, 4)
    losses = [lambda: model(data).square().sum()]
    trainable = tune(model, method, losses, seed=0)
    return count_trained(model, 'backbone', trainable)


def test_by_method():
    total = 4 * 3 + 3 + 3 + 3 + 3 * 2 + 2
    head = 3 * 2 + 2
    for name, (connections, biases, other) in {
        'gps': (3, 3, 0),
        'bias': (0, 3, 0),  # not those of norms
        'linear': (0, 0, 0),
        'full': (0, 6, 4 * 3 + 3),
    }.items():
        settings = {'k': 1} if name == 'gps' else {}
        values = counted(METHODS[name](**settings))
        assert values == TrainedValues(
            connections, biases, head, other, total
        ), name
        assert values.trained == connections + biases + head + other


def test_a_sentence():
    values = TrainedValues(41_856, 41_856, 197_122, 0, 21_852_034)
    assert str(values) == (
        '280,834 of 21,852,034 values (1.29 %): 41,856 connections, '
        '41,856 biases, 197,122 in the head'
    )


def test_a_model_without_a_method():
    model = Model()
    model.backbone.requires_grad_(False)
    assert count_plain(model) == TrainedValues(0, 0, 0, 8, 29)


def test_what_is_added_is_counted_by_itself():
    model = Model()
    trainable = tune(model, METHODS['lora'](rank=2, on=['other']), [], seed=0)
    values = count_trained(model, 'backbone', trainable)
    added = 2 * (4 + 3)
    assert (values.added, values.other, values.head) == (added, 0, 8)
    assert values.total == 4 * 3 + 3 + 3 + 3 + 8 + added
    assert str(values) == (
        '22 of 43 values (51.16 %): 14 in added modules, 8 in the head'
    )
