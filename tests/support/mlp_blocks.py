# Copyright (c) gps_seg contributors. Apache-2.0.
"""A model with the MLP of one block, and what its passes keep and compute."""

import torch
from torch import nn

from gps_seg.benchmark.counters import saved_bytes

#: Sizes of a batch of (2, 5, 8), of the layers, and of a value in bytes.
TOKENS, WIDTH, HIDDEN, FLOAT = 2 * 5, 8, 32, 4


def mlp_block(act=nn.GELU, norm=nn.LayerNorm):
    """A model with one block of which only the MLP is run."""
    mlp = nn.ModuleDict(
        {
            'fc1': nn.Linear(WIDTH, HIDDEN),
            'act': act(),
            'fc2': nn.Linear(HIDDEN, WIDTH),
        }
    )
    attention = nn.MultiheadAttention(WIDTH, 2)
    parts = {'norm1': nn.LayerNorm(WIDTH), 'attn': attention}
    block = nn.ModuleDict({**parts, 'norm2': norm(WIDTH), 'mlp': mlp})
    return nn.ModuleDict({'encoder': nn.ModuleList([block])})


def run(model, x, between=lambda hidden: hidden):
    """Run the MLP of the block, with a function of its hidden layer."""
    block = model['encoder'][0]
    mlp = block['mlp']
    hidden = between(mlp['fc1'](block['norm2'](x)))
    return x + mlp['fc2'](mlp['act'](hidden))


def only_biases(model):
    """Let nothing but the biases train."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.endswith('bias'))
    return model


def gradients_of(model, x, **options):
    """Gradients of the input and of all that trains."""
    trained = [p for p in model.parameters() if p.requires_grad]
    return torch.autograd.grad(
        run(model, x, **options).square().sum(),
        [x, *trained],
        allow_unused=True,
    )


def assert_all_equal(actual, expected):
    for one, other in zip(actual, expected, strict=True):
        assert (one is None and other is None) or torch.equal(one, other)


def saved_by(model, x):
    return saved_bytes(lambda: run(model, x).sum())
