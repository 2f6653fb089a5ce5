"""Values and the dense weight that holds them: who follows whom."""

import copy

import pytest
import torch
from torch import nn

from gps_seg.sparse import SelectedWeights, Selection
from gps_seg.sparse.training.selected_entries import SelectedEntries

INDICES = torch.tensor(
    [1, 9, 17, 25, 33, 41]
)  # column 1 of each row of (6, 8)


def make(dtype=torch.float32):
    layer = nn.Linear(8, 6).to(dtype)
    selection = Selection({'weight': INDICES}, {'weight': layer.weight.shape})
    selected = SelectedWeights(layer, selection)
    return layer, selected, selected['weight']


def step(entries, lr=0.1):
    """A step of plain SGD along a gradient of ones."""
    entries.values.grad = torch.ones_like(entries.values)
    torch.optim.SGD([entries.values], lr=lr).step()
    entries.values.grad = None


def in_weight(layer):
    return layer.weight.detach().flatten()[INDICES]


@pytest.mark.parametrize('follow', ['reconcile', 'write'])
def test_what_others_load_wins(follow):
    layer, selected, entries = make()
    best = copy.deepcopy(layer.state_dict())
    step(entries)
    selected.write()
    layer.load_state_dict(best)
    getattr(selected, follow)()
    assert torch.equal(layer.weight, best['weight'])
    assert torch.equal(entries.values, in_weight(layer))
    step(entries)
    selected.write()
    expected = best['weight'].flatten()[INDICES] - 0.1
    assert torch.equal(in_weight(layer), expected)


def test_a_backward_pass_after_a_load_begins_at_what_was_loaded():
    layer, selected, entries = make()
    start = copy.deepcopy(layer.state_dict())
    step(entries)
    selected.write()
    layer.load_state_dict(start)
    layer(torch.ones(2, 8)).sum().backward()  # the general path
    gradient = entries.values.grad
    torch.optim.SGD([entries.values], lr=0.1).step()
    selected.write()
    expected = start['weight'].flatten()[INDICES] - 0.1 * gradient
    torch.testing.assert_close(in_weight(layer), expected)


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_a_swap_with_averaged_weights_and_back_changes_no_bit(dtype):
    layer, selected, entries = make(dtype)
    average = copy.deepcopy(layer)
    with torch.no_grad():
        average.weight.add_(1)
    step(entries, lr=1e-5)
    selected.write()
    values, weight = entries.values.clone(), layer.weight.clone()
    for _ in range(2):  # there and back, as hooks that average do
        held = average.weight.data.clone()
        average.weight.data.copy_(layer.weight.data)
        layer.weight.data.copy_(held)
    selected.reconcile()
    selected.write()
    assert torch.equal(entries.values, values)
    assert torch.equal(layer.weight, weight)


@pytest.mark.parametrize('pass_', ['reconcile', 'backward'])
def test_a_step_that_was_not_written_is_noticed(pass_):
    layer, selected, entries = make()
    step(entries, lr=0.0)  # a first step of a warm-up
    loss = layer(torch.ones(2, 8)).sum()
    go_on = selected.reconcile if pass_ == 'reconcile' else loss.backward
    with pytest.raises(RuntimeError, match=r'Trainable\.attach\(optimizer\)'):
        go_on()
    selected.write()
    selected.reconcile()


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_small_steps_in_half_precision_add_up(dtype):
    layer, selected, entries = make(dtype)
    frozen = layer.weight.detach().clone()
    start = entries.values.detach().clone()
    assert start.dtype == torch.float32
    for _ in range(100):
        step(entries, lr=1e-5)
        selected.write()
    # 100 float32 subtractions from numbers below 1, each within an eps / 2.
    torch.testing.assert_close(
        entries.values, start - 1e-3, rtol=0, atol=100 * 2**-24
    )
    assert torch.equal(in_weight(layer), entries.values.to(dtype))
    rest = torch.ones(48, dtype=torch.bool)
    rest[INDICES] = False
    ours, before = layer.weight.flatten()[rest], frozen.flatten()[rest]
    assert torch.equal(ours.view(torch.int16), before.view(torch.int16))


def test_reading_keeps_what_half_precision_has_no_room_for():
    layer, selected, entries = make(torch.bfloat16)
    step(entries, lr=1e-5)
    selected.write()
    values = entries.values.detach().clone()
    assert not torch.equal(values, in_weight(layer).float())
    layer.load_state_dict(copy.deepcopy(layer.state_dict()))
    selected.read()
    assert torch.equal(entries.values, values)
    layer.load_state_dict({k: v + 1 for k, v in layer.state_dict().items()})
    selected.read()
    assert torch.equal(entries.values, in_weight(layer).float())


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float64])
def test_gradients_come_in_the_dtype_of_the_values(dtype):
    layer, _, entries = make(dtype)
    layer(torch.ones(2, 8, dtype=dtype)).sum().backward()
    layer(torch.ones(2, 8, dtype=dtype)).sum().backward()
    expected = torch.promote_types(dtype, torch.float32)
    assert entries.values.grad.dtype == expected
    assert entries.values.grad.tolist() == [4] * 6


def test_a_gradient_from_before_is_dropped():
    layer = nn.Linear(8, 6)
    layer(torch.ones(2, 8)).sum().backward()
    entries = SelectedEntries(layer.weight, INDICES)
    assert layer.weight.grad is None
    layer(torch.ones(2, 8)).sum().backward()
    assert entries.values.grad.tolist() == [2] * 6


def test_a_weight_has_one_owner():
    layer, first, _ = make()
    second = SelectedEntries(layer.weight, INDICES[:2])
    layer(torch.ones(2, 8)).sum().backward()
    assert second.values.grad.tolist() == [2, 2]
    assert first['weight'].values.grad is None
    for use in (first.write, first.reconcile):
        with pytest.raises(RuntimeError, match='released'):
            use()
    first.release()  # too late to have an effect
    second.write()
    second.release()
    second.release()
    layer(torch.ones(2, 8)).sum().backward()
    assert layer.weight.grad is not None
