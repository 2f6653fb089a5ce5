# Copyright (c) gps_seg contributors. Apache-2.0.
"""Tasks that are switched again and again: what is known is still checked."""

import copy
import dataclasses
import gc
import random

import numpy as np
import pytest
import torch
from torch import nn

from gps_seg.additions import Added, Place, Plan, attached
from gps_seg.delta import (
    Delta,
    DeltaInfo,
    apply,
    extract,
    forget,
    merged_state,
    quantized,
    revert,
    switch,
)
from gps_seg.delta import exchange as exchange_module
from gps_seg.delta.application import applied_delta
from gps_seg.delta.base import known_tensors
from gps_seg.delta.model_state import state_of

WEIGHT = 'backbone.2.weight'


@pytest.fixture
def three(base, tune, delta, other):
    """Deltas of one base; their selections overlap in part."""
    third = quantized(base, extract(base, tune(base, seed=3)[1]), bits=8)
    one, two = (set(d.selection[WEIGHT].tolist()) for d in (delta, third))
    assert one & two and one - two and two - one
    return delta, other, third


@pytest.fixture
def digests(monkeypatch):
    """The shapes of the tensors whose entries are hashed."""
    original, seen = exchange_module.digest, []

    def counted(values, shape):
        seen.append(tuple(shape))
        return original(values, shape)

    monkeypatch.setattr(exchange_module, 'digest', counted)
    return seen


def entry_of_the_second_alone(one, two):
    """Flat index of an entry of the weight that only ``two`` changes."""
    entries = {*two.selection[WEIGHT].tolist()}
    return min(entries - {*one.selection[WEIGHT].tolist()})


def test_a_thousand_switches_end_at_the_base(model, base, three, state_bits):
    expected = [state_bits(merged_state(base, one)) for one in three]
    choice = random.Random(0)
    for _ in range(1000):
        task = choice.randrange(3)
        switch(model, three[task])
        assert state_bits(model) == expected[task]
    revert(model)
    assert state_bits(model) == state_bits(base)


def test_entries_are_hashed_once_for_each_delta(model, three, digests):
    for one in three:
        switch(model, one)
    assert len(digests) == sum(len(one.changes) for one in three)
    digests.clear()
    for one in three * 2:
        switch(model, one)
    assert digests == []


def test_long_tensors_that_are_replaced_are_not_remembered(digests):
    model = nn.Linear(300, 300)
    base = copy.deepcopy(model.state_dict())
    one, two = (
        extract(base, {name: tensor + i for name, tensor in base.items()})
        for i in (1, 2)
    )
    for delta in (one, two, one, two):
        switch(model, delta)
    assert digests == [(300,), (300, 300)] * 2 + [(300, 300)] * 2 or (
        sorted(digests) == sorted([(300,)] * 2 + [(300, 300)] * 4)
    )


def test_what_is_known_of_a_delta_goes_with_it(model, base, tune):
    one, two = (extract(base, tune(base, seed)[1]) for seed in (1, 2))
    switch(model, one)
    switch(model, two)
    assert len(state_of(model)._proven) == 2
    del one
    gc.collect()
    assert list(state_of(model)._proven) == [two]


WRITES = {
    'in place': lambda flat, i: flat.view(-1)[i].add_(1),
    'data': lambda flat, i: flat.data.view(-1)[i].add_(1),
    'numpy': lambda flat, i: np.add.at(flat.detach().numpy().ravel(), i, 1),
    'zero': lambda flat, i: flat.data.view(-1)[i].mul_(-1),
}


@pytest.mark.parametrize('how', WRITES)
def test_a_write_under_the_other_delta_is_noticed(
    model, base, delta, other, state_bits, how
):
    """The base has changed where only the delta that comes next is."""
    index = entry_of_the_second_alone(other, delta)
    with torch.no_grad():
        model.get_parameter(WEIGHT).view(-1)[index] = 0.0
    base = copy.deepcopy(model.state_dict())
    one, two = (
        extract(base, merged_state(base, restated(base, task)))
        for task in (other, delta)
    )
    for task in (one, two, one):
        switch(model, task)
    with torch.no_grad():
        WRITES[how](model.get_parameter(WEIGHT), index)
    before = state_bits(model)
    with pytest.raises(ValueError, match=rf'1 of \d+ tensors \({WEIGHT}'):
        switch(model, two)
    assert state_bits(model) == before
    assert applied_delta(model) is one


def restated(base, delta):
    """The same changes as a delta of another base."""
    changes = {
        name: dataclasses.replace(
            change,
            base=extract(base, {**base, name: base[name] + 1})
            .changes[name]
            .base
            if change.indices is None
            else exchange_module.digest(change.read(base[name]), change.shape),
        )
        for name, change in delta.changes.items()
    }
    return Delta(changes)


@pytest.mark.parametrize('how', WRITES)
def test_a_write_over_the_present_delta_is_noticed(
    model, three, state_bits, how
):
    for task in three * 2:
        switch(model, task)
    index = int(three[-1].selection[WEIGHT][4])
    with torch.no_grad():
        WRITES[how](model.get_parameter(WEIGHT), index)
    before = state_bits(model)
    with pytest.raises(RuntimeError, match=rf'got others \({WEIGHT}\)'):
        switch(model, three[0])
    assert state_bits(model) == before
    assert applied_delta(model) is three[-1]


def test_another_base_under_a_known_delta_is_refused(
    model, base, delta, other, tune, state_bits
):
    for task in (delta, other, delta):
        switch(model, task)
    forget(model)
    model.load_state_dict(tune(base, seed=5)[1])
    before = state_bits(model)
    with pytest.raises(ValueError, match='got others in'):
        apply(model, other)
    assert state_bits(model) == before
    model.load_state_dict(base)
    apply(model, other)
    assert state_bits(model) == state_bits(merged_state(base, other))


def test_a_new_tensor_has_no_base_that_could_be_known(model, delta):
    head = dataclasses.replace(delta.changes['head.weight'], base=None)
    new = Delta({'head.weight': head})
    for value in (1.0, 2.0):
        nn.init.constant_(model.head.weight, value)
        apply(model, new)
        revert(model)
        assert (model.head.weight == value).all()


def test_all_bits_of_a_base_come_back(model, state_bits):
    """NaNs with their payloads, signed zeros, and subnormal numbers."""
    odd = torch.tensor(
        [0x7FC00001, -0x3FFFEE, 0x7F800001, -(2**31), 0, 1], dtype=torch.int32
    ).view(torch.float32)
    weight = model.get_parameter(WEIGHT).data.view(-1)
    weight[: len(odd)] = odd
    model.backbone[0].bias.data[:] = odd
    base = copy.deepcopy(model.state_dict())
    deltas = []
    for size in (4, 6):
        tuned = copy.deepcopy(base)
        tuned[WEIGHT].view(-1)[:size] = 1.0 * size
        tuned['backbone.0.bias'][:] = 2.0 * size
        deltas.append(extract(base, tuned))
    for delta in deltas * 2:
        switch(model, delta)
        assert state_bits(model) == state_bits(merged_state(base, delta))
    revert(model)
    assert state_bits(model) == state_bits(base)


def test_a_zero_that_changed_its_sign_is_noticed(model, base, delta):
    """In a tensor that the delta leaves as it is."""
    untouched = model.backbone[1].running_var
    untouched.zero_()
    base = copy.deepcopy(model.state_dict())
    one = extract(base, {**base, 'head.bias': base['head.bias'] + 1})
    apply(model, one)
    revert(model)
    untouched.numpy()[2] = -0.0
    with pytest.raises(ValueError, match=r'backbone\.1\.running_var'):
        apply(model, one)


@pytest.mark.parametrize(
    'odd',
    [
        torch.tensor([float('nan'), 1.0]),
        torch.tensor([1 + 2j], dtype=torch.complex128),
        torch.tensor([True, False]),
        torch.tensor(3.0, dtype=torch.bfloat16),
    ],
)
def test_what_a_delta_leaves_alone_may_be_of_any_type(monkeypatch, odd):
    model = nn.Linear(3, 2)
    model.register_buffer('odd', odd)
    base = copy.deepcopy(model.state_dict())
    one, two = (extract(base, {**base, 'bias': torch.ones(2)}) for _ in '12')
    apply(model, one)
    monkeypatch.setattr(known_tensors, 'tensor_digest', None)
    switch(model, two)  # nothing is hashed again
    monkeypatch.undo()
    odd.view(-1)[0] = 0
    with pytest.raises(ValueError, match='odd'):
        switch(model, one)


def test_a_model_of_other_numbers_with_the_same_bits_is_not_reverted():
    model = nn.Linear(4, 2).half()
    base = copy.deepcopy(model.state_dict())
    zero = {name: torch.zeros_like(tensor) for name, tensor in base.items()}
    apply(model, extract(base, zero))
    model.bfloat16()
    with pytest.raises(RuntimeError, match=r'got others \((bias|weight)\)'):
        revert(model)
    assert not model.weight.any()


def test_tied_weights_are_switched_under_all_their_names(state_bits):
    model = nn.ModuleDict({'a': nn.Linear(4, 4), 'b': nn.Linear(4, 4)})
    model['b'].weight = model['a'].weight
    base = copy.deepcopy(model.state_dict())
    deltas = []
    for index in (1, 2):
        tuned = copy.deepcopy(base)
        tuned['a.weight'].view(-1)[index : index + 2] = 5.0 * index
        tuned['b.weight'] = tuned['a.weight'].clone()
        deltas.append(extract(base, tuned))
    for delta in deltas * 2:
        switch(model, delta)
        assert state_bits(model) == state_bits(merged_state(base, delta))
        assert model['a'].weight is model['b'].weight
    revert(model)
    assert state_bits(model) == state_bits(base)


def test_a_delta_with_additions_is_switched_too(model, base, delta):
    settings = {'rank': 2, 'scale': 1.0, 'dropout': 0.0}
    plan = Plan([Added('low_rank', Place(WEIGHT), settings)])
    with attached(model, plan, seed=3):
        tuned = copy.deepcopy(model.state_dict())
    info = DeltaInfo(added=plan.to_json())
    adding = extract(base, tuned, info)
    assert adding.added
    for _ in range(3):
        switch(model, adding)
        assert_same(model.state_dict(), tuned)
        switch(model, delta)
        assert_same(model.state_dict(), merged_state(base, delta))
    revert(model)
    assert_same(model.state_dict(), base)


def assert_same(one, other):
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
