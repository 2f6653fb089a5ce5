"""What the graph keeps of a recomputed MLP, and for how long."""

import weakref
from contextlib import nullcontext

import pytest
import torch
import torch.nn.functional as F
from mlp_blocks import (
    FLOAT,
    HIDDEN,
    TOKENS,
    WIDTH,
    assert_all_equal,
    gradients_of,
    mlp_block,
    only_biases,
    run,
)
from torch import nn
from torch.autograd.graph import saved_tensors_hooks

from gps_seg.benchmark.counters import saved_bytes
from gps_seg.execution import recompute_mlps
from gps_seg.execution.recomputation.kept import keep_instead
from gps_seg.execution.recomputation.recipes import Recipe, take_note
from gps_seg.sparse import SelectedWeights, Selection
from gps_seg.sparse.training.columns import ColumnGradients


def test_a_graph_may_be_used_twice():
    model, x = mlp_block(), torch.randn(2, 5, 8, requires_grad=True)
    expected = gradients_of(model, x)
    recompute_mlps(model, 'encoder')
    loss = run(model, x).square().sum()
    for _ in range(2):
        actual = torch.autograd.grad(
            loss,
            [x, *model.parameters()],
            retain_graph=True,
            allow_unused=True,
        )
        assert_all_equal(actual, expected)


def test_second_derivatives_have_the_same_bits():
    torch.manual_seed(0)
    model, x = mlp_block(), torch.randn(2, 5, 8, requires_grad=True)

    def penalty():
        (slope,) = torch.autograd.grad(
            run(model, x).square().sum(), x, create_graph=True
        )
        return torch.autograd.grad(slope.square().sum(), x)[0]

    expected = penalty()
    recompute_mlps(model, 'encoder')
    assert torch.equal(penalty(), expected)


def test_a_block_keeps_its_input_alone():
    model = only_biases(mlp_block())
    leaf = torch.randn(2, 5, WIDTH, requires_grad=True)

    def loss():
        return run(model, leaf * 2).sum()

    norm = TOKENS * (WIDTH + 2) * FLOAT  # its input, mean and deviation
    assert saved_bytes(loss) == norm + TOKENS * HIDDEN * FLOAT
    handle = recompute_mlps(model, 'encoder')
    assert saved_bytes(loss) == norm
    handle.remove()
    assert saved_bytes(loss) == norm + TOKENS * HIDDEN * FLOAT


@pytest.mark.parametrize('name', ['all', 'gps'])
def test_a_block_that_trains_whole_keeps_its_input_alone(name):
    model = mlp_block()
    leaf = torch.randn(2, 5, WIDTH, requires_grad=True)
    active = nullcontext
    if name == 'gps':  # all columns are selected, and kept whole
        active = ColumnGradients(every_entry(model).values()).active

    def loss():
        with active():
            return run(model, leaf * 2).sum()

    loss()  # finds the columns
    norm = TOKENS * (WIDTH + 2) * FLOAT
    inputs = TOKENS * (WIDTH + 2 * HIDDEN) * FLOAT  # fc1, activation, fc2
    assert saved_bytes(loss) == norm + inputs
    recompute_mlps(model, 'encoder')
    assert saved_bytes(loss) == norm


def every_entry(model):
    weights = {
        name: weight
        for name, weight in model.named_parameters()
        if 'mlp' in name and weight.ndim == 2
    }
    return SelectedWeights(
        model,
        Selection(
            {n: torch.arange(w.numel()) for n, w in weights.items()},
            {n: tuple(w.shape) for n, w in weights.items()},
        ),
    )


@pytest.mark.parametrize('name', ['linear', 'layer_norm'])
def test_what_two_layers_need_is_computed_once(monkeypatch, name):
    calls, plain = [], getattr(F, name)

    def counted(*args, **kwargs):
        calls.append(args)
        return plain(*args, **kwargs)

    model = mlp_block()
    recompute_mlps(model, 'encoder')
    loss = run(model, torch.randn(2, 5, WIDTH)).sum()
    monkeypatch.setattr(F, name, counted)
    loss.backward()
    assert len(calls) == 1


def test_weights_that_changed_meanwhile_are_an_error():
    model = only_biases(mlp_block())
    x = torch.randn(2, 5, 8, requires_grad=True)
    recompute_mlps(model, 'encoder')
    loss = run(model, x).sum()
    with torch.no_grad():
        model['encoder'][0]['mlp']['fc1'].bias.add_(1)
    with pytest.raises(RuntimeError, match='recompute: expected'):
        loss.backward()


def test_an_input_that_changed_meanwhile_is_an_error():
    model = mlp_block(norm=nn.Identity).requires_grad_(False)
    leaf = torch.randn(2, 5, 8, requires_grad=True)
    recompute_mlps(model, 'encoder')
    x = leaf * 2
    loss = run(model, x).sum()
    with torch.no_grad():
        x.add_(1)
    with pytest.raises(RuntimeError, match='recompute: expected'):
        loss.backward()


def test_a_users_hooks_on_what_is_saved_get_it_all():
    model, x = mlp_block(), torch.randn(2, 5, 8, requires_grad=True)

    def packed():
        sizes = []

        def pack(tensor):
            sizes.append(tensor.shape)
            return tensor

        with saved_tensors_hooks(pack, lambda kept: kept):
            gradients = gradients_of(model, x)
        return sizes, gradients

    sizes, gradients = packed()
    recompute_mlps(model, 'encoder')
    again, actual = packed()
    assert again == sizes
    assert_all_equal(actual, gradients)


@pytest.mark.parametrize('mode', [torch.no_grad, torch.inference_mode])
def test_without_a_backward_pass_nothing_stays_alive(mode):
    model = mlp_block().eval()
    recompute_mlps(model, 'encoder')
    x = torch.randn(2, 5, 8)
    seen = [weakref.ref(x)]
    with mode():
        run(model, x, lambda h: seen.append(weakref.ref(h)) or h)
    del x
    assert [one() for one in seen] == [None, None]


@pytest.mark.parametrize('trains', [only_biases, nn.Module.train])
def test_what_is_computed_again_does_not_stay(trains):
    model = trains(mlp_block())
    leaf = torch.randn(2, 5, WIDTH, requires_grad=True)

    def used():
        loss = run(model, leaf * 2).sum()
        torch.autograd.grad(
            loss, [leaf, *trained_in(model)], retain_graph=True
        )
        return loss

    recompute_mlps(model, 'encoder')
    assert saved_bytes(used) == TOKENS * (WIDTH + 2) * FLOAT


def trained_in(model):
    mlp = model['encoder'][0]['mlp']
    return [p for p in mlp.parameters() if p.requires_grad]


def test_a_recipe_has_a_result_without_a_graph():
    layer, x = nn.Linear(8, 4), torch.randn(3, 8, requires_grad=True)
    recipe = Recipe(layer, x, {})
    assert not recipe.result().requires_grad


def test_another_tensor_that_changed_is_an_error_as_without():
    """A product that keeps its first factor, and a recipe of the second."""
    one, two = (torch.randn(3, requires_grad=True) * 1 for _ in range(2))
    product = one * two
    keep_instead(product, (two, Recipe(nn.Identity(), two, {})))
    with torch.no_grad():
        one.add_(1)
    with pytest.raises(RuntimeError, match='expected a tensor of shape'):
        product.sum().backward()


def test_what_is_left_of_a_graph_that_is_not_used_stays_alive_no_longer():
    model = mlp_block()
    recompute_mlps(model, 'encoder')
    x = torch.randn(2, 5, 8, requires_grad=True) * 1
    kept = weakref.ref(x)
    output = run(model, x)
    del x, output
    assert kept() is None


def test_a_captured_tensor_has_no_recipe():
    model = mlp_block()
    recompute_mlps(model, 'encoder')
    captured = []
    run(
        model,
        torch.randn(2, 5, 8),
        between=lambda h: captured.append(h) or h,
    )
    assert take_note(captured[0]) is None
    assert not vars(captured[0])


def test_function_transforms_have_the_same_bits():
    model, x = mlp_block(), torch.randn(2, 5, 8)
    slope = torch.func.grad(lambda x: run(model, x).square().sum())
    expected = slope(x)
    recompute_mlps(model, 'encoder')
    assert torch.equal(slope(x), expected)


def test_it_goes_through_without_values():
    model = mlp_block().to('meta')
    recompute_mlps(model, 'encoder')
    x = torch.randn(2, 5, 8, device='meta', requires_grad=True)
    run(model, x).sum().backward()
    assert x.grad.shape == x.shape


def test_compiled_code_has_the_same_gradients():
    model, x = mlp_block(), torch.randn(2, 5, 8, requires_grad=True)
    expected = gradients_of(model, x)
    recompute_mlps(model, 'encoder')
    compiled = torch.compile(run, backend='aot_eager', fullgraph=True)
    loss = compiled(model, x).square().sum()
    trained = [x, *model.parameters()]
    actual = torch.autograd.grad(loss, trained, allow_unused=True)
    for one, other in zip(actual, expected, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            torch.testing.assert_close(one, other)
