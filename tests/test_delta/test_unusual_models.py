# Copyright (c) gps_seg contributors. Apache-2.0.
"""Models whose tensors share memory or have none, threads, determinism."""

import copy
import dataclasses
import threading

import pytest
import torch
from torch import nn

from gps_seg.delta import (
    Delta,
    applied,
    apply,
    extract,
    merged_state,
    revert,
    switch,
)
from gps_seg.delta.application import applied_delta
from gps_seg.delta.baseline import Baseline
from gps_seg.sparse import Selection


def two_layers():
    torch.manual_seed(3)
    return nn.ModuleDict({'a': nn.Linear(4, 4), 'b': nn.Linear(4, 4)})


def tied_layers():
    model = two_layers()
    model['b'].weight = model['a'].weight
    return model


def overlapping_views():
    model = nn.Module()
    memory = torch.arange(6.0)
    model.register_buffer('x', memory[:4])
    model.register_buffer('y', memory[2:])
    return model


def one_array_twice():
    """Two storages of PyTorch over the same memory."""
    array = torch.arange(6.0).numpy()
    model = nn.Module()
    model.register_buffer('x', torch.from_numpy(array[:4]))
    model.register_buffer('y', torch.from_numpy(array[2:]))
    return model


@pytest.mark.parametrize(
    'build', [tied_layers, overlapping_views, one_array_twice]
)
@pytest.mark.parametrize('has_base', [True, False])
def test_one_memory_cannot_take_two_values(build, has_base, state_bits):
    model = build()
    base = {n: t.clone() for n, t in model.state_dict().items()}
    tuned = {n: t + i for i, (n, t) in enumerate(base.items(), start=1)}
    delta = extract(base, tuned)
    if not has_base:
        changes = {
            name: dataclasses.replace(change, base=None)
            for name, change in delta.changes.items()
        }
        delta = Delta(changes)
    before = state_bits(model)
    with pytest.raises(ValueError, match='one value for each place'):
        apply(model, delta)
    assert state_bits(model) == before
    assert applied_delta(model) is None
    with pytest.raises(ValueError, match='one value for each place'):
        switch(model, delta)
    assert state_bits(model) == before
    if build is one_array_twice:  # a copy is two arrays
        assert state_bits(merged_state(base, delta)) == state_bits(tuned)
        return
    with pytest.raises(ValueError, match='one value for each place'):
        merged_state(model.state_dict(), delta)
    assert state_bits(model) == before


def test_a_delta_of_a_tied_weight_fits_weights_that_were_saved_apart(
    state_bits,
):
    model = tied_layers()
    apart = {n: t.clone() for n, t in model.state_dict().items()}
    before = state_bits(model)
    selection = Selection(
        {'a.weight': torch.tensor([1, 6])}, {'a.weight': torch.Size([4, 4])}
    )
    baseline = Baseline.of(model, selection, ['a.bias'])
    with torch.no_grad():
        model['a'].weight[0, 1] = 7
        model['a'].weight[1, 2] = 8
        model['a'].bias += 1
    delta = Baseline(selection, **baseline.record).delta(model)
    tuned = state_bits(model)

    assert state_bits(merged_state(apart, delta)) == tuned
    revertible = tied_layers()
    apply(revertible, delta)
    assert state_bits(revertible) == tuned
    revert(revertible)
    assert state_bits(revertible) == before


@pytest.mark.parametrize('new', [(), ('a.weight',)])
def test_a_whole_tied_weight_fits_weights_that_were_saved_apart(
    new, state_bits
):
    model = tied_layers()
    apart = {n: t.clone() for n, t in model.state_dict().items()}
    whole = [name for name in ('a.weight',) if name not in new]
    baseline = Baseline.of(model, Selection({}, {}), whole, new)
    with torch.no_grad():
        model['a'].weight += 1
    delta = Baseline(Selection({}, {}), **baseline.record).delta(model)
    assert set(delta.changes) == {'a.weight', 'b.weight'}
    assert delta.new == set(new)
    assert state_bits(merged_state(apart, delta)) == state_bits(model)


def test_a_new_tensor_is_merged_under_all_its_names(state_bits):
    model = tied_layers()
    new = extract({}, {'a.weight': torch.ones(4, 4)})
    merged = merged_state(model.state_dict(), new)
    assert torch.equal(merged['b.weight'], torch.ones(4, 4))
    apply(model, new)
    assert state_bits(merged) == state_bits(model)


def test_a_weight_tied_to_a_new_head_is_reverted(state_bits):
    model = tied_layers()
    before = state_bits(model)
    selection = Selection(
        {'a.weight': torch.tensor([5])}, {'a.weight': torch.Size([4, 4])}
    )
    baseline = Baseline.of(model, selection, [], new=['b.weight', 'b.bias'])
    with torch.no_grad():
        model['a'].weight.view(-1)[5] = 9
    delta, tuned = baseline.delta(model), state_bits(model)
    assert delta.new == {'b.weight', 'b.bias'}
    again = tied_layers()
    with applied(again, delta):
        assert state_bits(again) == tuned
    assert state_bits(again) == before


def test_weights_without_values_are_refused(model, delta):
    with torch.device('meta'):
        empty = type(model)()
    unchanged = Delta({}, fingerprint=delta.base_digests)
    for one in (delta, unchanged):
        with pytest.raises(ValueError, match='on the device meta'):
            apply(empty, one)
        with pytest.raises(ValueError, match='on the device meta'):
            merged_state(empty.state_dict(), one)


@pytest.mark.parametrize('kind', ['expanded', 'inference'])
def test_a_tensor_that_cannot_be_written_is_refused(kind, state_bits):
    model = two_layers()
    if kind == 'expanded':
        model.register_buffer('mean', torch.ones(1).expand(4))
    else:
        with torch.inference_mode():
            model.register_buffer('mean', torch.ones(4))
    base = {n: t.clone() for n, t in model.state_dict().items()}
    delta = extract(base, {n: t + 1 for n, t in base.items()})
    before = state_bits(model)
    with pytest.raises(ValueError, match=r'can be written.*\(mean\)'):
        apply(model, delta)
    assert state_bits(model) == before
    assert applied_delta(model) is None
    merged = merged_state(model.state_dict(), delta)
    assert state_bits(merged) == state_bits(
        {n: t + 1 for n, t in base.items()}
    )


def test_a_model_may_have_tensors_made_in_inference_mode(state_bits):
    model = two_layers()
    with torch.inference_mode():
        model['b'].weight = nn.Parameter(torch.ones(4, 4), False)
    base = {n: t.clone() for n, t in model.state_dict().items()}
    delta = extract(base, {**base, 'a.bias': base['a.bias'] + 1})
    for _ in range(2):
        with applied(model, delta):
            assert state_bits(model) != state_bits(base)
        assert state_bits(model) == state_bits(base)
    with torch.inference_mode():
        model['b'].weight += 1
    with pytest.raises(ValueError, match=r'b\.weight'):
        apply(model, delta)


def test_tasks_can_be_switched_in_inference_mode(
    model, base, delta, other, tuned, state_bits
):
    with torch.inference_mode():
        apply(model, delta)
        assert state_bits(model) == state_bits(tuned)
        switch(model, other)
        switch(model, delta)
        assert state_bits(model) == state_bits(tuned)
        revert(model)
    assert state_bits(model) == state_bits(base)


def test_switching_works_under_deterministic_algorithms(
    model, base, delta, tuned, state_bits
):
    torch.use_deterministic_algorithms(True)
    try:
        apply(model, delta)
        assert state_bits(model) == state_bits(tuned)
        assert state_bits(merged_state(base, delta)) == state_bits(tuned)
        revert(model)
    finally:
        torch.use_deterministic_algorithms(False)
    assert state_bits(model) == state_bits(base)


def in_threads(*functions):
    """Run functions at the same time; give what they raised."""
    errors = []

    def run(function):
        try:
            function()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(f,)) for f in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def test_threads_that_switch_do_not_lose_the_base(
    model, base, delta, other, state_bits
):
    def switching(tasks):
        for task in tasks * 60:
            switch(model, task)

    errors = in_threads(
        lambda: switching([delta, other]),
        lambda: switching([other, delta]),
        lambda: switching([delta]),
    )
    assert errors == []
    revert(model)
    assert state_bits(model) == state_bits(base)


def test_a_block_has_the_model_for_itself(
    model, base, delta, other, state_bits
):
    """What a thread computes inside of the block is of its own task."""
    expected = {
        task: state_bits(merged_state(base, task)) for task in (delta, other)
    }
    seen = []

    def inferring(task):
        for _ in range(40):
            with applied(model, task):
                seen.append(state_bits(model) == expected[task])

    errors = in_threads(lambda: inferring(delta), lambda: inferring(other))
    assert errors == []
    assert seen == [True] * 80
    assert state_bits(model) == state_bits(base)


def test_a_copy_of_a_model_has_a_lock_of_its_own(model, delta):
    with applied(model, delta):
        twin = copy.deepcopy(model)
    done = []

    def use():
        apply(twin, delta.restricted(lambda name: False))
        done.append(True)

    with applied(model, delta):
        thread = threading.Thread(target=use, daemon=True)
        thread.start()
        thread.join(timeout=30)
    assert done == [True]
