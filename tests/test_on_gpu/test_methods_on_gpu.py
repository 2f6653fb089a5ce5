"""Every method on a GPU: steps, frozen bits, its delta, and its merge."""

import copy
import math

import pytest
import torch
from bits import other_bits
from cases import CASES, pairs
from on_gpu import DEVICE, PRECISIONS, output_on, tuned_on

from gps_seg.additions import merge, plan_of
from gps_seg.additions.coding import coded
from gps_seg.delta import Delta, apply, merged_state, revert

pytestmark = pytest.mark.gpu

EACH = [
    pytest.mark.parametrize(
        'method', dict.fromkeys(method for method, _ in pairs())
    ),
    pytest.mark.parametrize('precision', PRECISIONS),
]


def each(test):
    for mark in EACH:
        test = mark(test)
    return test


def assert_same_bits(state, expected):
    assert list(state) == list(expected)
    for name, tensor in expected.items():
        assert not other_bits(state[name].cpu(), tensor.cpu()).any(), name


def as_computed(model):
    """The values that a model computes with; of most, those that it has."""
    state = model.state_dict()
    few = coded(plan_of(model), state)
    return state | {n: levels[codes] for n, (codes, levels) in few.items()}


def plain_state(done):
    """What the delta makes of the base, folded into plain weights."""
    return merged_state(done.base.state_dict(), done.delta)


@each
def test_two_steps_have_finite_losses_on_the_gpu(method, precision):
    done = tuned_on(DEVICE, method, precision)
    assert all(map(math.isfinite, done.losses))
    tensors = [*done.model.state_dict().values(), *done.trainable.parameters()]
    assert {tensor.device.type for tensor in tensors} == {DEVICE.type}


@each
def test_all_else_keeps_its_bits(method, precision):
    done = tuned_on(DEVICE, method, precision)
    selected, whole = done.trainable.selected, done.trainable.whole
    after = done.model.state_dict()
    for name, before in done.base.state_dict().items():
        moved = other_bits(before, after[name])
        frozen = torch.full_like(moved, name not in whole)
        if name in selected:
            places = selected[name].indices
            assert moved.view(-1)[places].any(), name
            frozen.view(-1)[places] = False
        assert not (moved & frozen).any(), name
    trained = [
        name
        for name in done.trainable.names.values()
        if other_bits(done.before[name], after[name]).any()
    ]
    assert trained


@each
@pytest.mark.parametrize('place', [DEVICE, torch.device('cpu')], ids=str)
def test_its_delta_goes_on_and_off(tmp_path, method, precision, place):
    done = tuned_on(DEVICE, method, precision)
    done.delta.save(tmp_path / 'delta.safetensors')
    model = copy.deepcopy(done.base).to(place)
    apply(model, Delta.load(tmp_path / 'delta.safetensors'))
    assert_same_bits(model.state_dict(), as_computed(done.model))
    assert {t.device.type for t in model.parameters()} == {place.type}
    found = output_on(model, place).cpu()
    torch.testing.assert_close(
        found,
        output_on(copy.deepcopy(done.model), DEVICE).cpu(),
        rtol=1e-2,  # a GPU's convolutions may use TF32
        atol=1e-2,
    )
    revert(model)
    assert_same_bits(model.state_dict(), done.base.state_dict())


@each
def test_merged_it_predicts_the_same(method, precision):
    done = tuned_on(DEVICE, method, precision)
    model = copy.deepcopy(done.model)
    expected, reason = output_on(model, DEVICE), CASES[method].merges
    if reason is not True:
        for refused in (lambda: merge(model), lambda: plain_state(done)):
            with pytest.raises(ValueError, match=reason):
                refused()
        return
    merge(model)
    plain = copy.deepcopy(done.base)
    plain.load_state_dict(plain_state(done))
    for one in (model, plain):
        # A GPU's convolutions may use TF32.
        torch.testing.assert_close(
            output_on(one, DEVICE), expected, rtol=1e-2, atol=1e-2
        )
