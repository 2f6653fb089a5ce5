"""Compiled code keeps the columns: no dense gradient, no break, no repeat."""

import copy
import pickle
import threading

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch._dynamo.utils import counters
from tracing import IGNORED_IN_TRACING

from gps_seg.sparse import ColumnGradients, SelectedWeights, Selection

pytestmark = IGNORED_IN_TRACING
WIDTH = 8


class Block(nn.Module):
    """The second half of a block of a vision transformer."""

    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)
        self.up = nn.Linear(WIDTH, 3 * WIDTH)
        self.down = nn.Linear(3 * WIDTH, WIDTH)

    def forward(self, x):
        return x + self.down(F.gelu(self.up(self.norm(x))))


@pytest.fixture(autouse=True)
def fresh_counters():
    torch.compiler.reset()
    counters.clear()
    yield
    torch.compiler.reset()


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Sequential(*(Block() for _ in range(3))).double()


@pytest.fixture
def selected(model):
    """One entry per neuron, in two columns that differ from layer to layer."""
    indices, shapes = {}, {}
    for name, parameter in model.named_parameters():
        if parameter.ndim == 2:
            rows, fan_in = parameter.shape
            columns = torch.randperm(fan_in)[:2]
            pick = columns[torch.randint(0, 2, (rows,))]
            indices[name] = torch.arange(rows) * fan_in + pick
            shapes[name] = parameter.shape
    return SelectedWeights(model, Selection(indices, shapes))


@pytest.fixture
def dense_seen(model):
    """Gradients of whole weights that autograd forms."""
    seen = []
    for parameter in model.parameters():
        if parameter.ndim == 2:
            parameter.register_hook(
                lambda g: seen.append(g) if g is not None else None
            )
    return seen


X = torch.linspace(-1, 1, 5 * WIDTH).view(1, 5, WIDTH).double()


def gradients(function, selected):
    for entries in selected.values():
        entries.values.grad = None
    (function(X) * X).sum().backward()
    return {n: e.values.grad.clone() for n, e in selected.items()}


def assert_same(got, expected):
    assert got.keys() == expected.keys()
    for name in expected:
        torch.testing.assert_close(got[name], expected[name])


def test_one_graph_has_the_gradients_of_the_dense_path(
    model, selected, dense_seen
):
    expected = gradients(model, selected)  # outside: dense, then gathered
    assert len(dense_seen) == 6
    dense_seen.clear()
    compiled = torch.compile(model, fullgraph=True, backend='aot_eager')
    with ColumnGradients(selected.values()).active():
        assert_same(gradients(compiled, selected), expected)
    assert not dense_seen
    assert counters['stats']['unique_graphs'] == 1
    assert not counters['graph_break']


def test_steps_do_not_compile_again(model, selected):
    columns = ColumnGradients(selected.values())
    compiled = torch.compile(model, fullgraph=True, backend='aot_eager')
    values = [entries.values for entries in selected.values()]
    optimizer = torch.optim.SGD(values, lr=0.1)
    for _ in range(3):
        with columns.active():
            got = gradients(compiled, selected)
        optimizer.step()
        selected.write()
    assert counters['stats']['unique_graphs'] == 1
    with columns.active():
        got = gradients(compiled, selected)
    assert_same(got, gradients(model, selected))


def test_layers_that_share_compiled_code_keep_their_own_columns(
    model, selected
):
    expected = gradients(model, selected)
    for block in model:
        block.compile(backend='aot_eager')
    with ColumnGradients(selected.values()).active():
        assert_same(gradients(model, selected), expected)


def test_outside_of_the_context_the_dense_path_is_compiled(model, selected):
    expected = gradients(model, selected)
    compiled = torch.compile(model, fullgraph=True, backend='aot_eager')
    with ColumnGradients(selected.values()).active():
        gradients(compiled, selected)
    assert_same(gradients(compiled, selected), expected)


def test_rows_of_a_packed_weight_have_the_right_gradient():
    packed = nn.Parameter(torch.randn(3 * WIDTH, WIDTH).double())
    holder = nn.ParameterDict({'packed': packed})
    indices = torch.arange(3 * WIDTH) * WIDTH + 1
    selection = Selection({'packed': indices}, {'packed': packed.shape})
    selected = SelectedWeights(holder, selection)

    def attend(x):
        q, k, v = (F.linear(x, rows) for rows in packed.chunk(3))
        return F.scaled_dot_product_attention(q, k, v)

    expected = gradients(attend, selected)
    compiled = torch.compile(attend, fullgraph=True, backend='aot_eager')
    with ColumnGradients(selected.values()).active():
        assert_same(gradients(attend, selected), expected)
        assert_same(gradients(compiled, selected), expected)


def test_a_marked_weight_is_a_plain_weight_in_copies_and_pickles(
    model, selected
):
    with ColumnGradients(selected.values()).active():
        data, twin = pickle.dumps(model), copy.deepcopy(model)
    assert b'gps_seg.sparse' not in data
    assert not any(vars(parameter) for parameter in twin.parameters())
    assert torch.equal(pickle.loads(data)(X), model(X))


def test_a_pickle_of_a_marked_weight_runs_beside_marked_ones(model, selected):
    with ColumnGradients(selected.values()).active():
        loaded = pickle.loads(pickle.dumps(model))
        loaded(X).sum().backward()
    assert loaded[0].up.weight.grad.shape == model[0].up.weight.shape


def test_contexts_inside_a_context_do_not_compile_again(model, selected):
    columns = ColumnGradients(selected.values())
    compiled = torch.compile(model, fullgraph=True, backend='aot_eager')
    with columns.active():
        expected = gradients(compiled, selected)
        with columns.active(), ColumnGradients([]).active():
            assert_same(gradients(compiled, selected), expected)
    assert counters['stats']['unique_graphs'] == 1


def test_a_context_of_another_thread_may_begin_while_code_is_traced(
    model, selected
):
    other = ColumnGradients([]).active()

    def traced(graph_module, inputs):
        thread = threading.Thread(target=other.__enter__)
        thread.start()
        thread.join()
        return graph_module.forward

    expected = gradients(model, selected)
    compiled = torch.compile(model, fullgraph=True, backend=traced)
    with ColumnGradients(selected.values()).active():
        assert_same(gradients(compiled, selected), expected)
        other.__exit__(None, None, None)
        assert_same(gradients(compiled, selected), expected)


def test_marks_stay_until_the_last_context_ends(model, selected):
    columns = ColumnGradients(selected.values())
    weight = model[0].up.weight
    with columns.active():
        with columns.active():
            pass
        assert vars(weight)
    assert not vars(weight)


def test_an_older_context_does_not_unmark_a_newer_owner(model):
    weight = model[0].up.weight
    indices = {'0.up.weight': torch.tensor([0])}
    selection = Selection(indices, {'0.up.weight': weight.shape})
    first = ColumnGradients(SelectedWeights(model, selection).values())
    with first.active():
        newer = SelectedWeights(model, selection)
        second = ColumnGradients(newer.values()).active()
        second.__enter__()
    gradients(model, newer)
    assert vars(weight)
    second.__exit__(None, None, None)
    assert not vars(weight)
