"""Encoder and heads run compiled, each as one graph, until it is undone."""

import copy
import pickle

import numpy
import pytest
import torch
from torch import nn
from torch._dynamo.utils import counters
from tracing import IGNORED_IN_TRACING

from gps_seg.execution import compile_parts
from gps_seg.execution.compiled import use_plain_numbers
from gps_seg.execution.instance_forward import has_own_forward

pytestmark = IGNORED_IN_TRACING


class Drop(nn.Module):
    """Drops nothing at a rate from ``numpy.linspace``, as MMCV's DropPath."""

    def __init__(self):
        super().__init__()
        self.rate = numpy.linspace(0, 0.1, 3)[0]

    def forward(self, x):
        return x if self.rate == 0.0 else x * (1 - self.rate)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.data_preprocessor = nn.Identity()
        self.backbone = nn.Sequential(nn.Linear(4, 4), Drop(), nn.Linear(4, 4))
        self.auxiliary_head = nn.ModuleList([nn.Linear(4, 2), nn.Linear(4, 2)])

    def forward(self, x):
        x = self.backbone(self.data_preprocessor(x))
        return sum(head(x) for head in self.auxiliary_head)


@pytest.fixture(autouse=True)
def fresh_counters():
    torch.compiler.reset()
    counters.clear()


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Model()


X = torch.linspace(-1, 1, 8).view(2, 4)


def test_each_part_is_one_graph_with_the_same_output(model):
    expected = model(X)
    parts = compile_parts(model, backend='aot_eager')
    assert parts.names == ('backbone', 'auxiliary_head.0', 'auxiliary_head.1')
    torch.testing.assert_close(model(X), expected)
    assert counters['stats']['unique_graphs'] == 2  # the heads share one
    assert not counters['graph_break']


def test_after_it_is_undone_nothing_runs_compiled(model):
    compile_parts(model, backend='aot_eager').remove()
    model(X)
    assert not counters['stats']
    assert not any('forward' in vars(one) for one in model.modules())


def test_keys_copies_and_pickles_stay(model):
    keys, expected = list(model.state_dict()), model(X)
    compile_parts(model, backend='aot_eager')
    assert list(model.state_dict()) == keys
    twin = copy.deepcopy(model)
    nn.init.zeros_(model.backbone[0].weight)
    torch.testing.assert_close(twin(X), expected)
    assert not counters['graph_break']
    loaded = pickle.loads(pickle.dumps(twin))
    assert torch.equal(loaded(X), expected)
    assert not any(map(has_own_forward, loaded.modules()))


def test_numbers_of_numpy_become_plain(model):
    drop = model.backbone[1]
    drop.table = numpy.arange(3)
    use_plain_numbers(model)
    assert type(drop.rate) is float
    assert isinstance(drop.table, numpy.ndarray)
