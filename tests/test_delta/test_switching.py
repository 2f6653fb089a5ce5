# Copyright (c) gps_seg contributors. Apache-2.0.
"""Tasks that are switched again and again: what is known is still checked."""

import copy
import dataclasses
import gc
import random
from itertools import groupby

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
from gps_seg.delta.application import applied_delta
from gps_seg.delta.base import known_tensors
from gps_seg.delta.change import Change
from gps_seg.delta.exchange import checked
from gps_seg.delta.exchange import one_delta as exchange_module
from gps_seg.delta.exchange.model_state import state_of

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
    assert sorted(digests) == [(300,)] * 2 + [(300, 300)] * 4


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
    'sign': lambda flat, i: flat.data.view(-1)[i].mul_(-1),
}


@pytest.mark.parametrize('how', WRITES)
def test_a_write_under_the_other_delta_is_noticed(
    model, tune, state_bits, how
):
    """The base has changed where only the delta that comes next is."""
    nn.init.zeros_(model.get_parameter(WEIGHT))  # whose sign may change
    base = copy.deepcopy(model.state_dict())
    one, two = (
        extract(base, tune(base, seed, rows)[1])
        for seed, rows in ((2, 5), (1, None))
    )
    index = int(two.selection[WEIGHT][250])
    for task in (one, two, one):
        switch(model, task)
    with torch.no_grad():
        WRITES[how](model.get_parameter(WEIGHT), index)
    before = state_bits(model)
    with pytest.raises(ValueError, match=rf'1 of \d+ tensors \({WEIGHT}'):
        switch(model, two)
    assert state_bits(model) == before
    assert applied_delta(model) is one


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


# A switch is one pass over the memory


@pytest.fixture
def passes(monkeypatch):
    """Which deltas come off and go on in each pass over the memory."""
    original, seen = checked.write, []

    def counted(tensors, off=None, on=None, **options):
        seen.append((off and off.delta, on and on.delta))
        original(tensors, off, on, **options)

    monkeypatch.setattr(checked, 'write', counted)
    return seen


def test_a_switch_takes_one_pass(model, three, passes):
    one, two, third = three
    for task in (one, two, third, one):
        switch(model, task)
    assert passes == [(None, one), (one, two), (two, third), (third, one)]


def test_each_tensor_is_read_and_written_in_succession(
    model, delta, other, monkeypatch
):
    seen = []
    for action in ('read', 'write'):
        original = getattr(Change, action)

        def noted(self, tensor, *values, action=action, original=original):
            seen.append((action, tensor.data_ptr()))
            return original(self, tensor, *values)

        monkeypatch.setattr(Change, action, noted)
    switch(model, delta)
    seen.clear()
    switch(model, other)
    places = [place for _, place in seen]
    assert len(set(places)) == len(delta.changes)
    assert [place for place, _ in groupby(places)] == sorted(set(places))
    for place in set(places):
        actions = [action for action, other in seen if other == place]
        assert actions == ['read', 'write'] * 2


@pytest.mark.parametrize('error', [KeyboardInterrupt, ValueError])
@pytest.mark.parametrize('number', [1, 2, 5, 6, 13, 14])
def test_an_interrupted_switch_keeps_the_first(
    model, base, delta, other, tuned, state_bits, monkeypatch, number, error
):
    switch(model, delta)
    original, calls = Change.write, []

    def interrupted(self, tensor, values):
        calls.append(self)
        if len(calls) == number:
            raise error
        original(self, tensor, values)

    with monkeypatch.context() as patch:
        patch.setattr(Change, 'write', interrupted)
        if error is KeyboardInterrupt:
            with pytest.raises(KeyboardInterrupt):
                switch(model, other)
            assert applied_delta(model) is delta
            assert state_bits(model) == state_bits(tuned)
    switch(model, other)
    assert state_bits(model) == state_bits(merged_state(base, other))
    revert(model)
    assert state_bits(model) == state_bits(base)


def test_deltas_of_different_tensors_replace_each_other(
    model, base, passes, state_bits
):
    """What one of them changes, the other one leaves alone."""
    tasks = [
        extract(base, {**base, name: base[name] + 1})
        for name in ('head.bias', 'backbone.0.weight', 'backbone.1.weight')
    ]
    for task in tasks * 2:
        switch(model, task)
        assert state_bits(model) == state_bits(merged_state(base, task))
    assert len(passes) == 6
    with torch.no_grad():
        model.backbone[2].weight.view(-1)[7] += 1
    before = state_bits(model)
    with pytest.raises(ValueError, match=WEIGHT):
        switch(model, tasks[0])
    assert state_bits(model) == before
    assert applied_delta(model) is tasks[-1]


def test_a_change_of_the_rest_under_another_delta_is_noticed(
    model, base, delta, other, state_bits
):
    """In a tensor of which both deltas change some other entries."""
    taken = {*delta.selection[WEIGHT].tolist()}
    index = min({*range(1500)} - taken - {*other.selection[WEIGHT].tolist()})
    for task in (delta, other, delta):
        switch(model, task)
    model.get_parameter(WEIGHT).data.view(-1)[index] += 1
    before = state_bits(model)
    with pytest.raises(ValueError, match=rf'1 of \d+ tensors \({WEIGHT}'):
        switch(model, other)
    assert state_bits(model) == before


def test_a_failed_switch_does_not_hide_a_change():
    """PyTorch has counted it; no sample of the large tensor shows it."""
    model = nn.Linear(100, 100)
    base = copy.deepcopy(model.state_dict())
    one, two = (
        extract(base, {**base, 'bias': base['bias'] + i}) for i in (1, 2)
    )
    tuned = copy.deepcopy(base)
    tuned['weight'][0, 0] += 1
    one = extract(base, tuned)
    wrong = dataclasses.replace(two.changes['bias'], base='0' * 32)
    apply(model, one)
    with torch.no_grad():
        model.weight[50, 51] += 1
    with pytest.raises(ValueError, match='bias'):
        switch(model, Delta({'bias': wrong}))
    revert(model)
    with pytest.raises(ValueError, match='weight'):
        apply(model, one)


def test_a_wrong_delta_is_named_by_the_first_step_that_fails(
    model, delta, three
):
    """If the old delta has been changed, and the new one does not fit."""
    switch(model, delta)
    missing = Delta({'nothing': delta.changes['head.weight']})
    with pytest.raises(ValueError, match='got none for 1 of 1'):
        switch(model, missing)
    model.head.weight.data.add_(1)
    with pytest.raises(RuntimeError, match=r'got others \(head\.weight\)'):
        switch(model, missing)
