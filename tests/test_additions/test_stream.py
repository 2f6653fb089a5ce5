# Copyright (c) gps_seg contributors. Apache-2.0.
"""The residual stream of blocks that do unusual things."""

import copy

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from gps_seg.additions import attach
from gps_seg.peft import AdaptFormer


class Layer(nn.TransformerEncoderLayer):
    """A block that checkpoints itself, returns more, or fails."""

    def __init__(self, does=''):
        super().__init__(8, 2, 16, norm_first=True, batch_first=True)
        self.does = does

    def forward(self, x):
        if self.does == 'checkpoints':
            return checkpoint(super().forward, x, use_reentrant=True)
        y = super().forward(x)
        return (y, None) if self.does == 'returns a tuple' else y

    def _ff_block(self, x):
        if self.does == 'fails':
            raise KeyError('no such image')
        return super()._ff_block(x)


def model_of(does):
    layers = nn.Sequential(Layer(does))
    model = nn.ModuleDict({'backbone': layers})
    attach(model, AdaptFormer(rank=2).additions(model, None), seed=0)
    return model


def run(model):
    return model['backbone'][0](torch.ones(1, 4, 8, requires_grad=True))


def test_a_block_whose_checkpoint_would_lose_the_gradient_is_refused():
    model = model_of('checkpoints')
    with pytest.raises(RuntimeError, match='Layer.*checkpointing'):
        run(model)
    with torch.no_grad():
        assert run(model).shape == (1, 4, 8)


def test_a_block_that_returns_more_than_its_stream_is_refused():
    with pytest.raises(RuntimeError, match='Layer, which returns tuple'):
        run(model_of('returns a tuple'))


def test_a_model_can_be_copied_after_a_forward_pass_that_failed():
    model = model_of('fails')
    with pytest.raises(KeyError):
        run(model)
    twin = copy.deepcopy(model)
    twin['backbone'][0].does = ''
    assert run(twin).shape == (1, 4, 8)


def test_an_encoder_with_norms_behind_the_branches_is_refused():
    layer = nn.TransformerEncoderLayer(8, 2, 16)
    model = nn.ModuleDict({'backbone': nn.Sequential(layer)})
    with pytest.raises(ValueError, match=r'backbone.0 is of another form'):
        AdaptFormer().additions(model, None)
