"""The delta of every method gives its model, and gives the base back."""

import copy

import pytest
from bits import other_bits
from cases import CASES, pairs
from rounding import assert_equal_to_rounding
from tuned import output, tuned

from gps_seg.additions import detach
from gps_seg.delta import Delta, apply, revert, switch

PAIRS = pytest.mark.parametrize(('method', 'encoder'), pairs())


def assert_same_bits(state, expected):
    assert list(state) == list(expected)
    for name, tensor in expected.items():
        assert not other_bits(state[name], tensor).any(), name


def assert_same(output, expected):
    # PyTorch folds a product by whether its factors require a gradient.
    assert_equal_to_rounding(output, expected, terms=64, depth=16)


@PAIRS
def test_a_saved_delta_gives_the_trained_model_and_the_base(
    tmp_path, method, encoder
):
    done = tuned(method, encoder)
    model = copy.deepcopy(done.base)
    done.delta.save(tmp_path / 'delta.safetensors')
    apply(model, Delta.load(tmp_path / 'delta.safetensors'))
    assert_same_bits(model.state_dict(), done.trained)
    assert_same(output(model), output(done.after_three()))
    revert(model)
    assert_same_bits(model.state_dict(), done.base.state_dict())
    assert_same(output(model), output(done.base))


@PAIRS
def test_the_plan_in_a_file_is_the_plan(tmp_path, method, encoder):
    """No tuple becomes a list: a resumed run compares the two."""
    delta = tuned(method, encoder).delta
    delta.save(tmp_path / 'delta.safetensors')
    read = Delta.load(tmp_path / 'delta.safetensors')
    assert read.info.added == delta.info.added


@PAIRS
def test_a_model_switches_between_this_and_other_methods(method, encoder):
    done = tuned(method, encoder)
    model = copy.deepcopy(done.base)
    others = [
        other
        for other in ('bias', 'lora')
        if other != method and encoder not in CASES[other].refuses
    ]
    for other in others:
        switch(model, tuned(other, encoder).delta)
        assert_same_bits(model.state_dict(), tuned(other, encoder).trained)
        switch(model, done.delta)
        assert_same_bits(model.state_dict(), done.trained)
    switch(model, done.delta)
    revert(model)
    assert_same_bits(model.state_dict(), done.base.state_dict())


@PAIRS
def test_detached_the_model_has_only_the_plain_names(method, encoder):
    done = tuned(method, encoder)
    model = done.after_three()
    detach(model)
    base = done.base.state_dict()
    plain = {name: done.trained[name] for name in base}
    assert_same_bits(model.state_dict(), plain)
    assert not any(m._forward_hooks for m in model.modules())
    assert not any(m._forward_pre_hooks for m in model.modules())
    plain_model = copy.deepcopy(done.base)
    plain_model.load_state_dict(plain)
    assert_same(output(model), output(plain_model))
