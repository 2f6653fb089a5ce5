"""A linear map with selected gradients, in what autograd may ask of it."""

import pytest
import torch
from torch import nn
from torch.autograd import forward_ad
from torch.nn import functional as F

from gps_seg.sparse import ColumnGradients
from gps_seg.sparse.training.selected_entries import SelectedEntries

FEW = torch.tensor([1, 9, 17, 25, 33, 41])  # column 1 of each row of (6, 8)


def make(**options):
    layer = nn.Linear(8, 6, **options).double()
    return layer, SelectedEntries(layer.weight, FEW)


@pytest.mark.parametrize('shape', [(0, 8), (2, 0, 8), (0, 5, 8)])
@pytest.mark.parametrize('indices', [FEW, torch.arange(48), FEW[:0]])
def test_an_empty_batch(shape, indices):
    layer = nn.Linear(8, 6)
    entries = SelectedEntries(layer.weight, indices)
    x = torch.zeros(shape, requires_grad=True)
    with ColumnGradients([entries]).active():
        layer(x).sum().backward()
    assert entries.values.grad.tolist() == [0] * len(indices)
    assert layer.bias.grad.tolist() == [0] * 6
    assert x.grad.shape == shape


def penalty(model, x):
    """The squared norm of the gradient with respect to the inputs."""
    x = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(
        model(x).sin().sum(), x, create_graph=True
    )
    return gradient.square().sum()


@pytest.mark.parametrize('kind', ['linear', 'attention'])
def test_a_penalty_on_input_gradients(kind):
    torch.manual_seed(0)
    if kind == 'linear':
        model = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 6))
    else:
        attention = nn.MultiheadAttention(8, 2, batch_first=True)

        class Attend(nn.Module):
            def __init__(self):
                super().__init__()
                self.attention = attention

            def forward(self, x):
                return self.attention(x, x, x)[0]

        model = Attend()
    model = model.double()
    x = torch.randn(2, 3, 8).double()
    weights = {n: p for n, p in model.named_parameters() if p.ndim == 2}
    dense = torch.autograd.grad(penalty(model, x), list(weights.values()))
    entries = [
        SelectedEntries(weight, torch.arange(3, weight.numel(), 8))
        for weight in weights.values()
    ]
    with ColumnGradients(entries).active():
        penalty(model, x).backward()
    for owner, gradient in zip(entries, dense, strict=True):
        expected = gradient.flatten()[owner.indices]
        torch.testing.assert_close(owner.values.grad, expected)
        assert owner.weight.grad is None


def test_a_gradient_of_the_selected_gradients_is_refused():
    layer, entries = make()
    x = torch.randn(3, 8, dtype=torch.float64, requires_grad=True)
    with ColumnGradients([entries]).active():
        (gradient,) = torch.autograd.grad(
            layer(x).sin().sum(), entries.values, create_graph=True
        )
    with pytest.raises(RuntimeError, match=r'outside of compressing\(\)'):
        gradient.sum().backward()


@pytest.mark.parametrize('bias', [True, False])
def test_forward_mode(bias):
    layer, entries = make(bias=bias)
    x, direction = torch.randn(2, 3, 8).double()

    def tangent():
        with forward_ad.dual_level():
            output = layer(forward_ad.make_dual(x, direction)).sin()
            return forward_ad.unpack_dual(output).tangent

    expected = tangent()
    with ColumnGradients([entries]).active():
        actual = tangent()
    torch.testing.assert_close(actual, expected)


@pytest.mark.parametrize('needs_weight', [True, False])
def test_a_write_before_backward_is_noticed_where_plain_torch_notices(
    needs_weight,
):
    layer, entries = make()
    x = torch.randn(3, 8, dtype=torch.float64, requires_grad=needs_weight)

    def step():
        loss = layer(x).sin().sum()
        entries.write()
        loss.backward()

    def outcome():
        try:
            step()
        except RuntimeError as error:
            return str(error).splitlines()[0]
        return 'no error'

    plain = outcome()
    with ColumnGradients([entries]).active():
        ours = outcome()
    assert ('inplace' in plain) is needs_weight
    assert ('inplace' in ours) is needs_weight


def test_rows_of_a_packed_weight_are_checked_too():
    packed = nn.Parameter(torch.randn(6, 8).double())
    entries = SelectedEntries(packed, FEW)
    x = torch.randn(3, 8, dtype=torch.float64, requires_grad=True)
    with ColumnGradients([entries]).active():
        loss = F.linear(x, packed[2:5]).sum()
        entries.write()
        with pytest.raises(RuntimeError, match='inplace'):
            loss.backward()
