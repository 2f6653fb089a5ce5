# Copyright (c) gps_seg contributors. Apache-2.0.
"""Deltas on and off a model in memory, and one bit that differs."""

import copy

import pytest
import torch
from torch import nn

from gps_seg.additions import Added, Place, Plan, attach
from gps_seg.delta import DeltaInfo, extract
from gps_seg.runs.side_by_side import live_switch
from gps_seg.runs.side_by_side.live_switch import sha256_of, switch_live


@pytest.fixture
def model():
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4).bfloat16())


def delta_of(model, step):
    tuned = copy.deepcopy(model)
    with torch.no_grad():
        tuned[0].weight[1, 2] += step
        tuned[0].bias += step
    return extract(model.state_dict(), tuned.state_dict())


def flip_a_bit(tensor, byte=0):
    flat = tensor.data.reshape(-1).view(torch.uint8)
    flat[byte] ^= 1


def test_a_model_is_the_base_again_after_two_deltas(model):
    before = copy.deepcopy(model.state_dict())
    switched = switch_live(model, delta_of(model, 0.5), delta_of(model, 0.25))
    assert switched.is_exact
    assert switched.before == switched.after == sha256_of(model)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name])
    assert list(switched.milliseconds) == ['apply', 'switch', 'revert']
    assert all(time > 0 for time in switched.milliseconds.values())


def test_each_delta_was_on_the_model(model, monkeypatch):
    seen = []
    for name in ('apply', 'switch', 'revert'):
        change = getattr(live_switch, name)

        def spy(*arguments, change=change):
            change(*arguments)
            seen.append(model[0].weight[1, 2].item())

        monkeypatch.setattr(live_switch, name, spy)
    base = model[0].weight[1, 2].item()
    switch_live(model, delta_of(model, 0.5), delta_of(model, 0.25))
    assert seen == pytest.approx([base + 0.5, base + 0.25, base])


@pytest.mark.parametrize(
    'name', ['0.weight', '0.bias', '1.running_var', '1.num_batches_tracked']
)
def test_one_flipped_bit_is_seen(model, monkeypatch, name):
    undo = live_switch.revert

    def almost(model):
        undo(model)
        flip_a_bit(model.state_dict()[name])

    monkeypatch.setattr(live_switch, 'revert', almost)
    switched = switch_live(model, delta_of(model, 0.5), delta_of(model, 0.25))
    assert not switched.is_exact
    assert switched.before != switched.after == sha256_of(model)


def test_the_hash_is_of_names_types_and_shapes_too():
    def hash_of(tensor, name='x'):
        module = nn.Module()
        module.register_buffer(name, tensor)
        return sha256_of(module)

    zeros = torch.zeros(2, 2)
    others = [
        hash_of(zeros, 'y'),
        hash_of(zeros.reshape(4)),
        hash_of(zeros.to(torch.int32)),
        hash_of(-zeros),  # equal as a number, but not the same bits
    ]
    assert hash_of(zeros) == hash_of(zeros.clone())
    assert len({hash_of(zeros), *others}) == 5


def test_deltas_that_add_modules_leave_no_trace(model):
    """From one kind to another, and to a delta that adds nothing."""

    def adding(kind, **settings):
        tuned = copy.deepcopy(model)
        plan = Plan([Added(kind, Place('0.weight'), settings)])
        attach(tuned, plan, seed=1)
        info = DeltaInfo(added=plan.to_json())
        return extract(model.state_dict(), tuned.state_dict(), info)

    low_rank = adding('low_rank', rank=2, scale=1.0, dropout=0.0)
    names = list(model.state_dict())
    bottleneck = adding(
        'bottleneck', rank=1, activation='gelu', init='zero_up'
    )
    for second in (bottleneck, delta_of(model, 0.5)):
        assert switch_live(model, low_rank, second).is_exact
        assert list(model.state_dict()) == names
