"""A delta goes on and off a model, exactly or not at all."""

import copy
import gc
import pickle
import weakref
from dataclasses import replace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from gps_seg.delta import (
    Delta,
    applied,
    apply,
    forget,
    merged_state,
    revert,
    switch,
)
from gps_seg.delta.application import applied_delta


def test_on_and_off(model, base, tuned, delta, state_bits):
    tensors = {id(tensor) for tensor in model.parameters()}
    apply(model, delta)
    assert applied_delta(model) is delta
    assert state_bits(model) == state_bits(tuned)
    revert(model)
    assert applied_delta(model) is None
    assert state_bits(model) == state_bits(base)
    assert {id(tensor) for tensor in model.parameters()} == tensors


def test_values_that_arithmetic_would_not_restore(model, delta, state_bits):
    """Signed zeros, and a base so small beside the delta that it drowns."""
    with torch.no_grad():
        model.head.weight.fill_(-0.0)
        model.head.weight[0, 0] = 1e-30
    before = state_bits(model)
    name = 'head.weight'
    new = replace(delta.changes[name], base=None)
    with applied(model, Delta({name: new})):
        assert state_bits(model) != before
    assert state_bits(model) == before


# Each example starts where the last one has to end: at the base.
@settings(
    max_examples=1000,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    actions=st.lists(
        st.tuples(
            st.sampled_from(['apply', 'revert', 'switch', 'with', 'stranger']),
            st.integers(0, 1),
        ),
        max_size=25,
    )
)
def test_any_sequence_ends_at_the_base(two_tasks, states, state_bits, actions):
    """A thousand random sequences, checked after every step."""
    model, base, deltas, stranger = two_tasks
    present = None
    for action, task in actions:
        expect_error = (
            (action in ('apply', 'with') and present is not None)
            or (action == 'revert' and present is None)
            or action == 'stranger'
        )
        try:
            if action == 'revert':
                revert(model)
                present = None
            elif action == 'with':
                with applied(model, deltas[task]):
                    assert state_bits(model) == states[task]
            elif action == 'stranger':
                switch(model, stranger)
            else:
                (apply if action == 'apply' else switch)(model, deltas[task])
                present = task
        except (RuntimeError, ValueError):
            assert expect_error
        else:
            assert not expect_error
        expected = state_bits(base) if present is None else states[present]
        assert state_bits(model) == expected
    if present is not None:
        revert(model)
    assert state_bits(model) == state_bits(base)


@pytest.fixture
def two_tasks(model, base, delta, other):
    change = delta.changes['head.weight']
    wrong = replace(change, base='0' * 32)
    return model, base, (delta, other), Delta({'head.weight': wrong})


@pytest.fixture
def states(two_tasks, state_bits):
    """What the model is with each task on it."""
    _, base, deltas, _ = two_tasks
    return [state_bits(merged_state(base, delta)) for delta in deltas]


def test_the_wrong_order_of_calls_is_refused(model, delta, state_bits):
    before = state_bits(model)
    for action in (revert, forget):
        with pytest.raises(RuntimeError, match='got one without'):
            action(model)
    apply(model, delta)
    with pytest.raises(RuntimeError, match='without a delta, got one'):
        apply(model, delta)
    revert(model)
    with pytest.raises(RuntimeError, match='got one without'):
        revert(model)
    assert state_bits(model) == before


def test_another_base_is_refused_untouched(model, delta, state_bits):
    with torch.no_grad():
        model.head.weight[0, 0] += 1
    before = state_bits(model)
    message = r'got others in 1 of \d+ tensors \(head.weight'
    with pytest.raises(ValueError, match=message):
        apply(model, delta)
    assert state_bits(model) == before
    assert applied_delta(model) is None


def test_another_number_of_classes_is_explained(model, delta, state_bits):
    model.head = nn.Conv2d(6, 150, 1)
    before = state_bits(model)
    message = r'\(head.weight\).*2 classes \(background, polyp\).*=2'
    for one in (delta, newly(delta, 'head.weight')):
        with pytest.raises(ValueError, match=message):
            apply(model, one)
    assert state_bits(model) == before


def newly(delta, name):
    change = replace(delta.changes[name], base=None)
    return replace(delta, changes={**delta.changes, name: change})


def test_a_missing_tensor_is_named(model, delta, state_bits):
    del model.head
    before = state_bits(model)
    with pytest.raises(ValueError, match=r'none for 2 of \d+ \(head.weight'):
        apply(model, delta)
    assert state_bits(model) == before


def test_another_dtype_is_refused(model, delta):
    with pytest.raises(ValueError, match=r'expected float32, got torch.flo'):
        apply(model.double(), delta)


@pytest.mark.parametrize(
    'name',
    ['head.weight.data', 'head.weight.grad', 'head.scratch', 'training', ''],
)
def test_a_name_reaches_registered_tensors_only(model, delta, name):
    model.head.weight.grad = torch.zeros_like(model.head.weight)
    model.head.scratch = torch.zeros_like(model.head.weight)
    change = replace(delta.changes['head.weight'], base=None)
    with pytest.raises(ValueError, match='expected a model with all tensors'):
        apply(model, Delta({name: change}))


def test_a_new_tensor_fits_any_base_and_reverts(
    model, delta, tuned, state_bits
):
    with torch.no_grad():
        model.head.weight.uniform_()
    before = state_bits(model)
    with applied(model, newly(delta, 'head.weight')):
        assert torch.equal(model.head.weight, tuned['head.weight'])
    assert state_bits(model) == before


def test_a_model_changed_meanwhile_is_not_mixed(model, delta, state_bits):
    apply(model, delta)
    with torch.no_grad():
        model.head.weight += 1
    before = state_bits(model)
    for action in (revert, lambda model: switch(model, delta)):
        with pytest.raises(RuntimeError, match=r'got others \(head.weight\)'):
            action(model)
    assert state_bits(model) == before
    forget(model)
    assert applied_delta(model) is None
    assert state_bits(model) == before


@pytest.mark.parametrize('head', [nn.Conv2d(6, 3, 1), nn.Identity()])
def test_a_model_that_lost_a_tensor_is_not_reverted(
    model, delta, state_bits, head
):
    apply(model, delta)
    model.head = head
    before = state_bits(model)
    with pytest.raises(RuntimeError, match=r'got others \(head\.'):
        revert(model)
    assert state_bits(model) == before


def test_a_base_loaded_over_a_delta_can_be_used(model, base, delta):
    apply(model, delta)
    model.load_state_dict(base)
    with pytest.raises(RuntimeError, match='call forget'):
        revert(model)
    forget(model)
    apply(model, delta)


def test_a_failed_switch_keeps_the_first(model, delta, tuned, state_bits):
    wrong = replace(delta.changes['head.weight'], base='0' * 32)
    apply(model, delta)
    with pytest.raises(ValueError, match='base: expected'):
        switch(model, Delta({'head.weight': wrong}))
    assert applied_delta(model) is delta
    assert state_bits(model) == state_bits(tuned)
    revert(model)


def test_an_interrupted_write_is_undone(
    model, delta, base, state_bits, monkeypatch
):
    from gps_seg.delta.change import Change

    original, calls = Change.write, []

    def interrupted(self, tensor, values):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        original(self, tensor, values)

    monkeypatch.setattr(Change, 'write', interrupted)
    with pytest.raises(KeyboardInterrupt):
        apply(model, delta)
    assert state_bits(model) == state_bits(base)
    assert applied_delta(model) is None


def test_an_error_in_the_block_still_reverts(model, base, delta, state_bits):
    with pytest.raises(KeyError), applied(model, delta):
        raise KeyError
    assert state_bits(model) == state_bits(base)


def test_a_model_with_a_delta_is_a_plain_model(model, base, delta, tuned):
    attributes = set(vars(model))
    apply(model, delta)
    assert set(vars(model)) == attributes
    assert model.state_dict().keys() == base.keys()
    for copied in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(copied.head.weight, tuned['head.weight'])
        assert applied_delta(copied) is None
        with pytest.raises(RuntimeError, match='not a copy of it'):
            revert(copied)
    revert(model)


def test_no_model_is_kept_alive(model, delta):
    passing = copy.deepcopy(model)
    apply(passing, delta)
    seen = weakref.ref(passing)
    del passing
    gc.collect()
    assert seen() is None


def test_tied_and_transposed_weights(state_bits):
    """A tensor under two names, and one that is not contiguous."""
    from gps_seg.delta import extract

    model = nn.ModuleDict({'a': nn.Linear(4, 4), 'b': nn.Linear(4, 4)})
    model['b'].weight = model['a'].weight
    model['b'].bias.data = torch.randn(4, 2)[:, 0]
    model['a'].weight.data = torch.randn(4, 4).t()
    base = copy.deepcopy(model.state_dict())
    tuned = copy.deepcopy(base)
    tuned['a.weight'][1, 2] = 5
    tuned['b.bias'][3] = 5
    delta = extract(base, tuned)
    assert list(delta.changes) == ['a.weight', 'b.bias', 'b.weight']
    assert delta.selection['a.weight'].tolist() == [6]
    with applied(model, delta):
        assert_same(model.state_dict(), tuned)
    assert_same(model.state_dict(), base)
    assert_same(merged_state(base, delta), tuned)


def assert_same(one, other):
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
