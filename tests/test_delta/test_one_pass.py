# Copyright (c) gps_seg contributors. Apache-2.0.
"""A switch is one pass over the memory of a model, or does nothing."""

import copy
import dataclasses
from itertools import groupby

import pytest
import torch
from torch import nn

from gps_seg.delta import (
    Delta,
    apply,
    extract,
    merged_state,
    revert,
    switch,
)
from gps_seg.delta.application import applied_delta
from gps_seg.delta.change import Change
from gps_seg.delta.exchange import checked

WEIGHT = 'backbone.2.weight'


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
    tuned = copy.deepcopy(base)
    tuned['weight'][0, 0] += 1
    one = extract(base, tuned)
    two = extract(base, {**base, 'bias': base['bias'] + 1})
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
