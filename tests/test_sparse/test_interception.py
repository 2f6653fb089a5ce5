"""Who computes a linear map: plain torch, or what stands in for it."""

import gc
import threading
import weakref

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gps_seg.sparse import ColumnGradients
from gps_seg.sparse.training.selected_entries import SelectedEntries

FEW = torch.tensor([1, 9, 17, 25, 33, 41])  # column 1 of each row of (6, 8)


def make():
    """A layer, its entries, and a list of the dense gradients it forms."""
    layer = nn.Linear(8, 6).double()
    entries = SelectedEntries(layer.weight, FEW)
    formed = []
    layer.weight.register_post_accumulate_grad_hook(formed.append)
    return layer, entries, formed


def backward(layer, x=None):
    x = torch.ones(3, 8).double() if x is None else x
    layer(x).sin().sum().backward()


def test_linear_is_restored_also_after_an_error():
    plain = F.linear
    columns = ColumnGradients([])
    with pytest.raises(ZeroDivisionError), columns.active():  # noqa: PT012
        assert F.linear is not plain
        with columns.active():
            pass
        assert F.linear is not plain
        raise ZeroDivisionError
    assert F.linear is plain


def test_linear_is_restored_whatever_the_order_of_exit():
    plain = F.linear
    first, second = (ColumnGradients([]).active() for _ in range(2))
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert F.linear is not plain
    second.__exit__(None, None, None)
    assert F.linear is plain


def test_two_models_at_once():
    layer, entries, formed = make()
    other, others_entries, others_formed = make()
    outer, inner = (
        ColumnGradients([entries]),
        ColumnGradients([others_entries]),
    )
    with outer.active(), inner.active():
        backward(layer)
        backward(other)
    assert formed == others_formed == []
    assert entries.values.grad is not None
    assert others_entries.values.grad is not None


def test_two_threads_with_a_model_each():
    plain = F.linear
    made = [make() for _ in range(2)]
    meet = threading.Barrier(2)

    def train(layer, entries, first_out):
        with ColumnGradients([entries]).active():
            meet.wait()
            for _ in range(20):
                backward(layer)
            if not first_out:
                meet.wait()
                backward(layer)  # the other has left
        if first_out:
            meet.wait()

    threads = [
        threading.Thread(target=train, args=(*made[i][:2], i == 0))
        for i in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [formed for *_, formed in made] == [[], []]
    assert F.linear is plain


def test_who_patched_before_is_called_and_who_patches_inside_stays(
    monkeypatch,
):
    layer, entries, formed = make()
    calls = []

    def counting(of, name):
        def linear(*args):
            calls.append(name)
            return of(*args)

        return linear

    columns = ColumnGradients([entries])
    below = counting(F.linear, 'below')
    monkeypatch.setattr(F, 'linear', below)
    with columns.active():
        backward(layer)
        nn.Linear(8, 2).double()(torch.ones(3, 8).double())
        assert calls == ['below', 'below']
        above = counting(F.linear, 'above')
        F.linear = above
    assert F.linear is above
    calls.clear()
    with columns.active():  # above is now what was there before
        backward(layer)
    assert calls == ['above', 'below']
    assert F.linear is above
    assert formed == []


def test_a_weight_that_was_frozen_later_does_not_train():
    layer, entries, _ = make()
    layer.weight.requires_grad_(False)
    x = torch.ones(3, 8, dtype=torch.float64, requires_grad=True)
    with ColumnGradients([entries]).active():
        backward(layer, x)
    assert entries.values.grad is None
    assert x.grad is not None


def test_rows_that_were_cut_without_a_graph_do_not_train():
    layer, entries, _ = make()
    with torch.no_grad():
        rows = layer.weight[:3]
    x = torch.ones(3, 8, dtype=torch.float64, requires_grad=True)
    with ColumnGradients([entries]).active():
        F.linear(x, rows).sum().backward()
    assert entries.values.grad is None


def test_function_transforms_give_what_they_give_elsewhere():
    layer, entries, _ = make()
    x = torch.randn(3, 4, 8).double()

    def norm(x):
        return layer(x).sin().square().sum()

    def results():
        return (
            torch.vmap(layer)(x),
            torch.func.grad(norm)(x),
            torch.func.hessian(norm)(x[0, 0]),
        )

    expected = results()
    with ColumnGradients([entries]).active():
        actual = results()
        torch.vmap(layer)(x).sum().backward()
    torch.testing.assert_close(actual, expected, rtol=0, atol=0)
    gradient = x.sum((0, 1)).expand(6, 8).flatten()[FEW]
    torch.testing.assert_close(entries.values.grad, gradient)


@pytest.mark.filterwarnings('ignore:The PyTorch API of nested tensors')
def test_nested_tensors():
    layer, entries, _ = make()
    parts = [torch.randn(n, 8).double() for n in (2, 5)]
    nested = torch.nested.nested_tensor(parts, layout=torch.jagged)
    with ColumnGradients([entries]).active():
        layer(nested).values().sum().backward()
    gradient = torch.cat(parts).sum(0).expand(6, 8).flatten()[FEW]
    torch.testing.assert_close(entries.values.grad, gradient)


def test_a_model_is_not_kept_alive():
    layer, entries, formed = make()
    with ColumnGradients([entries]).active():
        backward(layer)
    weight = weakref.ref(layer.weight)
    del layer, entries, formed
    gc.collect()
    assert weight() is None
