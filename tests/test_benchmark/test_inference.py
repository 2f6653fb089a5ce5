"""Trained values and operations of a tuned model, counted by hand."""

import pytest
import torch
from torch import nn

from gps_seg.additions import Added, Place, Plan, attach, plan_of
from gps_seg.benchmark.inference import describe_tuned, flops_of
from gps_seg.benchmark.methods import METHODS

TOKENS, WIDTH, HIDDEN, BLOCKS = 17, 32, 64, 4


def flops_by_hand():
    """Two per multiplication: patches, projections, attention, MLP."""
    projections = TOKENS * WIDTH * (3 * WIDTH + WIDTH + 2 * HIDDEN)
    attention = 2 * TOKENS * TOKENS * WIDTH
    patches = 16 * 3 * 8 * 8 * WIDTH
    return 2 * (patches + BLOCKS * (projections + attention))


def test_operations_of_the_plain_encoder(tiny):
    encoder = tiny().model.backbone
    assert encoder.training
    assert flops_of(encoder, 32) == flops_by_hand()
    assert encoder.training  # as before


def bottleneck(place, rank):
    settings = {'rank': rank, 'activation': 'gelu', 'init': 'zero_up'}
    return Added('bottleneck', place, settings)


def test_operations_of_what_is_added_count(tiny):
    made = tiny()
    place = Place('backbone.layers.0.attn.proj.weight')
    attach(made.model, Plan([bottleneck(place, rank=3)]), seed=0)
    down_and_up = 2 * TOKENS * 2 * 3 * WIDTH
    assert flops_of(made.model.backbone, 32) == flops_by_hand() + down_and_up


@pytest.mark.parametrize(
    ('method', 'trained', 'merges'),
    [
        ('linear', 0, False),
        ('lora', BLOCKS * 2 * 8 * (WIDTH + WIDTH), True),  # q and v
    ],
)
def test_what_a_method_leaves(tiny, method, trained, merges):
    made = tiny()
    contender = METHODS[method].build(made.model, made.loss, made.selection)
    weight = describe_tuned(made.model, contender, flops=1.0)
    assert weight == (trained, 1.0, merges)
    assert bool(plan_of(made.model)) == merges  # not merged itself


def test_what_cannot_be_merged_is_said_not_to():
    model = nn.ModuleDict({'backbone': nn.Linear(4, 4)})
    place = Place('backbone.weight')
    attach(model, Plan([bottleneck(place, rank=1)]), seed=0)
    from gps_seg.benchmark.contender import Contender

    contender = Contender(
        lambda: torch.zeros(()), dict(model.named_parameters())
    )
    assert describe_tuned(model, contender, 1.0).merges is False
