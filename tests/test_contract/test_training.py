"""What a method adds and trains, and that nothing else moves."""

import re

import pytest
import torch
from bits import other_bits
from cases import CASES, pairs
from contract_models import ENCODERS
from rounding import assert_equal_to_rounding
from tuned import HEAD, output, tuned

from gps_seg.additions import is_added

PAIRS = pytest.mark.parametrize(('method', 'encoder'), pairs())


@PAIRS
def test_the_output_is_at_first_that_of_the_plain_model(method, encoder):
    done = tuned(method, encoder)
    expected = output(done.base)
    if CASES[method].identity:
        assert_equal_to_rounding(done.first, expected, terms=64, depth=16)
    else:
        assert (done.first - expected).abs().max() > 1e-6


@PAIRS
def test_data_is_read_only_to_select(method, encoder):
    assert (tuned(method, encoder).reads > 0) is CASES[method].scores


@PAIRS
def test_names_classes_and_values_of_the_plain_model_stay(method, encoder):
    done = tuned(method, encoder)
    start, base = done.states[0], done.base.state_dict()
    plain = [name for name in start if not is_added(name)]
    assert plain == list(base)
    for name in plain:
        assert not other_bits(start[name], base[name]).any(), name
    modules = dict(done.model.named_modules())
    for name, module in done.base.named_modules():
        assert type(modules[name]) is type(module), name


@PAIRS
def test_exactly_what_is_declared_requires_a_gradient(method, encoder):
    done = tuned(method, encoder)
    named = dict(done.model.named_parameters())
    trained = set(done.trainable.names.values())
    assert {n for n, p in named.items() if p.requires_grad} == trained
    assert trained >= {*HEAD, *filter(is_added, named)}


@PAIRS
def test_as_many_values_train_as_the_formula_says(method, encoder):
    done = tuned(method, encoder)
    head = sum(done.base.state_dict()[name].numel() for name in HEAD)
    expected = CASES[method].count(ENCODERS[encoder])
    found = sum(done.trainable.count().values()) - head
    assert found in (expected if isinstance(expected, range) else [expected])


@PAIRS
def test_all_that_trains_has_a_gradient_by_the_second_step(method, encoder):
    done = tuned(method, encoder)
    idle = re.compile(CASES[method].idle)
    for name in done.trainable.names.values():
        reached = any(
            gradients[name].any()
            for gradients in done.gradients[:2]
            if name in gradients
        )
        assert reached or idle.search(name), name
        if not idle.search(name):
            moved = other_bits(done.states[0][name], done.trained[name])
            assert moved.any(), name


@PAIRS
def test_all_else_keeps_its_bits(method, encoder):
    done = tuned(method, encoder)
    selected, whole = done.trainable.selected, done.trainable.whole
    for name, before in done.base.state_dict().items():
        frozen = torch.full(before.shape, name not in whole)
        if name in selected:
            frozen.view(-1)[selected[name].indices] = False
        moved = other_bits(before, done.trained[name])
        assert not (moved & frozen).any(), name
