"""Training 1-D values against the masked dense definition."""

import copy
import pickle
from contextlib import nullcontext

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gps_seg.sparse import (
    Budget,
    ColumnGradients,
    Connections,
    SelectedWeights,
    Selection,
)
from gps_seg.sparse.roles import Owned
from gps_seg.sparse.training.selected_entries import SelectedEntries


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 2, stride=2)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.fc = nn.Linear(8, 6)

    def forward(self, x):
        x = F.gelu(self.depthwise(self.stem(x)))
        tokens = x.flatten(2).transpose(1, 2)
        tokens, _ = self.attention(tokens, tokens, tokens)
        return self.fc(tokens)


NAMES = (
    'stem.weight',
    'depthwise.weight',
    'attention.in_proj_weight',
    'attention.out_proj.weight',
    'fc.weight',
)


def select(model, k=2):
    weights = dict(model.named_parameters())
    chosen = {}
    for name in NAMES:
        module = model.get_submodule(name.rpartition('.')[0])
        chosen[name] = Owned(weights[name], module, '')
    scores = {name: torch.rand_like(weights[name]) for name in NAMES}
    return Budget('neuron', Connections(k)).select(scores, chosen)[0]


def dense_gradients(model, x):
    model = copy.deepcopy(model)
    model(x).square().sum().backward()
    return {name: p.grad for name, p in model.named_parameters()}


@pytest.mark.parametrize('dtype', [torch.float64, torch.float32])
def test_gradients_equal_the_dense_ones(dtype):
    model = Net().to(dtype)
    selection = select(model)
    x = torch.randn(2, 3, 8, 8, dtype=dtype)
    expected = dense_gradients(model, x)
    selected = SelectedWeights(model, selection)
    model(x).square().sum().backward()
    for name, entries in selected.items():
        flat = expected[name].flatten()[selection[name]]
        assert torch.equal(entries.values.grad, flat)
        assert entries.weight.grad is None


def test_gradients_accumulate_over_backward_passes():
    model = Net().double()
    selection = select(model)
    batches = [torch.randn(2, 3, 8, 8).double() for _ in range(3)]
    expected = [dense_gradients(model, x) for x in batches]
    selected = SelectedWeights(model, selection)
    for x in batches:
        model(x).square().sum().backward()
    for name, entries in selected.items():
        total = sum(grads[name] for grads in expected).flatten()
        torch.testing.assert_close(entries.values.grad, total[selection[name]])


def test_a_weight_used_twice_gets_the_sum():
    layer = nn.Linear(4, 4, bias=False).double()
    x = torch.randn(3, 4).double()
    (expected,) = torch.autograd.grad(layer(layer(x)).sum(), layer.weight)
    entries = SelectedEntries(layer.weight, torch.tensor([0, 7, 9]))
    layer(layer(x)).sum().backward()
    torch.testing.assert_close(
        entries.values.grad, expected.flatten()[[0, 7, 9]]
    )


def test_writing_changes_the_selected_entries_alone():
    weight = nn.Parameter(torch.randn(6, 5).t())  # not contiguous
    before = weight.detach().clone()
    indices = torch.tensor([0, 3, 17, 29])
    entries = SelectedEntries(weight, indices)
    assert torch.equal(entries.values, before.reshape(-1)[indices])
    with torch.no_grad():
        entries.values += 1
    entries.write()
    expected = before.reshape(-1).clone()
    expected[indices] += 1
    assert torch.equal(weight.detach().reshape(-1), expected)


@pytest.fixture
def deterministic():
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


def test_deterministic_algorithms_are_enough(deterministic):
    model = Net()
    selected = SelectedWeights(model, select(model))
    with ColumnGradients(selected.values()).active():
        model(torch.randn(2, 3, 8, 8)).square().sum().backward()
    torch.optim.SGD([e.values for e in selected.values()], lr=0.1).step()
    stepped = [entries.values.clone() for entries in selected.values()]
    selected.write()
    selected.read()
    for entries, values in zip(selected.values(), stepped, strict=True):
        assert torch.equal(entries.values, values)


def test_reading_follows_a_loaded_weight():
    layer = nn.Linear(4, 4)
    entries = SelectedEntries(layer.weight, torch.tensor([2, 5]))
    layer.load_state_dict({k: v + 1 for k, v in layer.state_dict().items()})
    entries.read()
    assert torch.equal(entries.values, layer.weight.flatten()[[2, 5]])


@pytest.mark.parametrize('path', ['columns', 'general'])
def test_twenty_steps_equal_masked_dense_training(path):
    torch.manual_seed(0)
    model = Net().double()
    selection = select(model)
    reference = copy.deepcopy(model)
    masks = {}
    for name, parameter in reference.named_parameters():
        masks[name] = torch.zeros_like(parameter)
        if name in selection:
            masks[name].view(-1)[selection[name]] = 1
    selected = SelectedWeights(model, selection)
    columns = ColumnGradients(selected.values())
    compressing = columns.active if path == 'columns' else nullcontext
    sparse = torch.optim.Adam([e.values for e in selected.values()], lr=0.01)
    dense = torch.optim.Adam(reference.parameters(), lr=0.01)
    for _ in range(20):
        x = torch.randn(2, 3, 8, 8).double()
        with compressing():
            model(x).square().sum().backward()
        sparse.step()
        sparse.zero_grad()
        selected.write()
        reference(x).square().sum().backward()
        for name, parameter in reference.named_parameters():
            parameter.grad *= masks[name]
        dense.step()
        dense.zero_grad()
    for name, expected in reference.named_parameters():
        actual = model.get_parameter(name)
        torch.testing.assert_close(actual, expected)
        if name in selection:
            frozen = masks[name] == 0
            assert torch.equal(actual[frozen], expected[frozen])


def test_the_model_stays_the_plain_model():
    model = Net()
    keys, types = list(model.state_dict()), [type(m) for m in model.modules()]
    selected = SelectedWeights(model, select(model))
    assert list(model.state_dict()) == keys
    assert [type(m) for m in model.modules()] == types
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        twin(torch.randn(1, 3, 8, 8)).sum().backward()
        assert twin.fc.weight.grad is not None  # gathers for nobody
    selected.release()
    model(torch.randn(1, 3, 8, 8)).sum().backward()
    assert model.fc.weight.grad is not None


@pytest.mark.parametrize(
    ('name', 'shape'), [('fc.weight', (6, 9)), ('nothing.weight', (6, 8))]
)
def test_a_selection_for_another_model(name, shape):
    selection = Selection({name: torch.tensor([0])}, {name: torch.Size(shape)})
    with pytest.raises(ValueError, match=rf'another model|{name}'):
        SelectedWeights(Net(), selection)
