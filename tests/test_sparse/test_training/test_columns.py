"""Column-compressed gradients against the dense ones of plain autograd."""

import copy

import pytest
import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from gps_seg.sparse import ColumnGradients
from gps_seg.sparse.training.parts import (
    MAX_COLUMN_SHARE,
    is_compressed,
    part_of,
)
from gps_seg.sparse.training.selected_entries import SelectedEntries

FEW = torch.tensor([1, 9, 17, 25, 33, 41])  # column 1 of each row of (6, 8)
SELECTIONS = {
    'a column in every row': FEW,
    'repeated columns': torch.tensor([0, 3, 8, 11, 40, 43]),
    'one entry': torch.tensor([20]),
    'whole rows': torch.arange(16, 32),
    'every entry': torch.arange(48),
    'nothing': torch.arange(0),
}


def dense_gradient(run, weight):
    """Of plain autograd, at a moment when nothing is selected."""
    (gradient,) = torch.autograd.grad(run(), weight)
    return gradient


def check(run, weights, selections, **tolerance):
    """Compare the gradients of selected entries with the dense ones'."""
    dense = {name: dense_gradient(run, w) for name, w in weights.items()}
    entries = {
        name: SelectedEntries(weight, selections[name])
        for name, weight in weights.items()
    }
    formed = []
    for name, weight in weights.items():
        weight.register_post_accumulate_grad_hook(
            lambda _, name=name: formed.append(name)
        )
    with ColumnGradients(entries.values()).active():
        run().backward()
    for name, selected in entries.items():
        expected = dense[name].flatten()[selections[name]]
        torch.testing.assert_close(selected.values.grad, expected, **tolerance)
        assert weights[name].grad is None
    return formed


def fixed_projection(output):
    """A scalar with a gradient that differs from place to place."""
    ramp = torch.linspace(-1, 2, output.numel(), device=output.device)
    return (output.flatten().sin() * ramp.to(output.dtype)).sum()


@pytest.mark.parametrize('shape', [(8,), (5, 8), (2, 5, 8), (2, 3, 5, 8)])
@pytest.mark.parametrize('bias', [True, False])
@pytest.mark.parametrize('selection', SELECTIONS.values(), ids=SELECTIONS)
def test_linear(shape, bias, selection):
    layer = nn.Linear(8, 6, bias=bias).double()
    x = torch.randn(shape).double()
    formed = check(
        lambda: fixed_projection(layer(x)),
        {'w': layer.weight},
        {'w': selection},
    )
    assert formed == []


def test_input_and_bias_gradients_are_the_plain_ones():
    layer = nn.Linear(8, 6).double()
    x = torch.randn(4, 8, dtype=torch.float64, requires_grad=True)
    expected = torch.autograd.grad(fixed_projection(layer(x)), (x, layer.bias))
    columns = ColumnGradients([SelectedEntries(layer.weight, FEW)])
    with columns.active():
        actual = torch.autograd.grad(
            fixed_projection(layer(x)), (x, layer.bias)
        )
    torch.testing.assert_close(actual, expected)


@pytest.mark.parametrize('selection', SELECTIONS.values(), ids=SELECTIONS)
def test_gradcheck(selection):
    base = torch.randn(6, 8).double()

    def run(values, x, bias):
        # The numerical derivative needs the values to be in the weight.
        dense = base.flatten().index_put((selection,), values.detach())
        weight = nn.Parameter(dense.view(6, 8))
        entries = SelectedEntries(weight, selection)
        entries.values = values
        with ColumnGradients([entries]).active():
            return F.linear(x, weight, bias).sin()

    inputs = (
        base.take(selection).requires_grad_(),
        torch.randn(3, 8, dtype=torch.float64, requires_grad=True),
        torch.randn(6, dtype=torch.float64, requires_grad=True),
    )
    assert torch.autograd.gradcheck(run, inputs)


def attention_run(kind):
    sizes = {'kdim': 6, 'vdim': 10} if kind == 'own sizes' else {}
    layer = nn.MultiheadAttention(8, 2, batch_first=True, **sizes).double()
    query = torch.randn(2, 5, 8).double()
    key = torch.randn(2, 4, sizes.get('kdim', 8)).double()
    value = torch.randn(2, 4, sizes.get('vdim', 8)).double()
    triple = {
        'self': (query, query, query),
        'shared key': (query, key, key),
        'cross': (query, key, value),
        'own sizes': (query, key, value),
    }[kind]
    return layer, lambda: fixed_projection(layer(*triple)[0])


@pytest.mark.parametrize('kind', ['self', 'shared key', 'cross', 'own sizes'])
@pytest.mark.parametrize('share', [0.05, 0.5])
def test_multihead_attention(kind, share):
    layer, run = attention_run(kind)
    weights = {name: p for name, p in layer.named_parameters() if p.ndim == 2}
    assert len(weights) == (4 if kind == 'own sizes' else 2)
    selections = {
        name: (torch.rand(p.numel()) < share).nonzero().flatten()
        for name, p in weights.items()
    }
    assert check(run, weights, selections) == []


def test_convolutions_take_the_general_path_beside_it():
    model = nn.Sequential(
        nn.Conv2d(3, 4, 2, stride=2),
        nn.Conv2d(4, 4, 3, groups=4, padding=1),
        nn.Flatten(2),
        nn.Linear(16, 5),
    ).double()
    weights = {n: p for n, p in model.named_parameters() if 'weight' in n}
    selections = {n: torch.arange(0, p.numel(), 7) for n, p in weights.items()}
    x = torch.randn(2, 3, 8, 8).double()
    formed = check(lambda: fixed_projection(model(x)), weights, selections)
    assert set(formed) == {'0.weight', '1.weight'}


def test_a_tied_weight_gets_the_sum_of_both_uses():
    layer = nn.Linear(8, 8, bias=False).double()
    x = torch.randn(3, 8).double()
    selection = torch.tensor([0, 9, 50])
    formed = check(
        lambda: fixed_projection(layer(layer(x).sin())),
        {'w': layer.weight},
        {'w': selection},
    )
    assert formed == []


def test_a_weight_used_in_two_ways_gets_the_sum_of_both():
    weight = nn.Parameter(torch.randn(6, 8).double())
    x = torch.randn(3, 8).double()
    formed = check(
        lambda: fixed_projection(F.linear(x, weight) + x @ weight.t().sin()),
        {'w': weight},
        {'w': FEW},
    )
    assert formed == ['w']


@pytest.mark.parametrize(
    'cut',
    [
        lambda w: w[:, :5],
        lambda w: w[::2],
        lambda w: w[1:4] * 2,
        lambda w: w.flatten()[3:35].view(4, 8),
    ],
)
def test_other_views_of_a_weight_take_the_general_path(cut):
    weight = nn.Parameter(torch.randn(6, 8).double())

    def run():
        part = cut(weight)
        return fixed_projection(F.linear(torch.ones_like(part), part))

    assert check(run, {'w': weight}, {'w': FEW}) == ['w']


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_autocast(dtype):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 32), nn.GELU(), nn.Linear(32, 16))
    x = torch.randn(40, 64)
    weights = {n: p for n, p in model.named_parameters() if p.ndim == 2}
    selections = {n: torch.arange(0, p.numel(), 9) for n, p in weights.items()}
    selections['0.weight'] = torch.arange(3, 64 * 32, 64)

    def run():
        with torch.autocast('cpu', dtype):
            output = model(x)
        assert output.dtype == dtype
        return fixed_projection(output.float())

    eps = torch.finfo(dtype).eps
    formed = check(run, weights, selections, rtol=4 * eps, atol=4 * eps)
    assert formed == []


def kept_shapes(run):
    shapes = []

    def pack(tensor):
        shapes.append((tuple(tensor.shape), tensor.dtype))
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        run()
    return shapes


def test_only_the_selected_columns_are_kept_for_backward():
    layer = nn.Linear(8, 6)
    x = torch.randn(5, 8)
    plain = kept_shapes(lambda: layer(x))
    assert ((5, 8), torch.float32) in plain
    columns = ColumnGradients([SelectedEntries(layer.weight, FEW)])
    with columns.active():
        kept = kept_shapes(lambda: layer(x))
        with torch.autocast('cpu', torch.bfloat16):
            kept_in_half = kept_shapes(lambda: layer(x))
        x.requires_grad_()  # only then is the weight needed, as in plain torch
        kept_for_both = kept_shapes(lambda: layer(x))
    few, weight = ((5, 1), torch.float32), ((6, 8), torch.float32)
    assert kept == [few]
    assert sorted(kept_for_both) == [few, weight]
    assert ((5, 1), torch.bfloat16) in kept_in_half


def test_the_rule_takes_the_dense_product_when_most_columns_are_selected():
    assert is_compressed(int(MAX_COLUMN_SHARE * 100), 100)
    assert not is_compressed(int(MAX_COLUMN_SHARE * 100) + 1, 100)
    assert part_of(torch.arange(48), 8, range(6)).columns is None
    assert part_of(FEW, 8, range(6)).columns.tolist() == [1]


@pytest.mark.parametrize('use_reentrant', [True, False])
def test_activation_checkpointing(use_reentrant):
    first, second = nn.Linear(8, 8).double(), nn.Linear(8, 6).double()
    x = torch.randn(3, 8, dtype=torch.float64, requires_grad=True)

    def run():
        hidden = checkpoint(
            lambda x: second(first(x).sin()), x, use_reentrant=use_reentrant
        )
        return fixed_projection(hidden)

    # A reentrant checkpoint does not allow autograd.grad; use the same
    # function without one as the definition.
    def plain():
        return fixed_projection(second(first(x).sin()))

    expected = dense_gradient(plain, second.weight).flatten()[FEW]
    entries = SelectedEntries(second.weight, FEW)
    formed = []
    second.weight.register_post_accumulate_grad_hook(formed.append)
    with ColumnGradients([entries]).active():
        run().backward()
    torch.testing.assert_close(entries.values.grad, expected)
    assert formed == []


def test_an_inplace_activation_may_follow():
    layer = nn.Linear(8, 6).double()
    x = torch.randn(3, 8).double()
    check(
        lambda: fixed_projection(F.relu(layer(x), inplace=True)),
        {'w': layer.weight},
        {'w': FEW},
    )


@pytest.mark.parametrize('axes', [1, 2, 3, 4])
def test_outputs_may_be_changed_in_place(axes):
    """As by Swin v2: F.linear returns a view for some shapes."""
    layer = nn.Linear(6, 4).double()
    entries = SelectedEntries(layer.weight, torch.tensor([0, 9]))
    x = torch.randn(*[2] * (axes - 1), 6).double()
    with ColumnGradients([entries]).active():
        layer(x).mul_(2).sum().backward()
    expected = 2 * x.reshape(-1, 6).sum(0)[[0, 3]]
    assert torch.allclose(entries.values.grad, expected)


def test_a_copy_of_the_model_is_a_plain_model():
    layer = nn.Linear(8, 6)
    entries = SelectedEntries(layer.weight, FEW)
    with ColumnGradients([entries]).active():
        twin = copy.deepcopy(layer)
        twin(torch.randn(3, 8)).sum().backward()
    assert twin.weight.grad is not None
    assert entries.values.grad is None


def test_without_gradients_nothing_is_kept():
    layer = nn.Linear(8, 6)
    columns = ColumnGradients([SelectedEntries(layer.weight, FEW)])
    with columns.active(), torch.no_grad():
        output = layer(torch.ones(2, 8))
    assert not output.requires_grad
    assert output.grad_fn is None
