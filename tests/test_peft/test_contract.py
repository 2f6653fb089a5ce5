"""The contract of the methods: what each answers, and how one is added."""

from collections import OrderedDict
from dataclasses import dataclass, fields

import pytest
import torch
from cases import CASES
from torch import nn

from gps_seg.peft import METHODS, build_method, tune
from gps_seg.peft.selects_nothing import SelectsNothing
from gps_seg.sparse import Evidence, Role

OF_THE_PASS = frozenset(
    {'max_batches', 'loss', 'batch_size', 'pipeline', 'checkpointing'}
)
OF_A_GRADIENT = dict.fromkeys(
    ('loss', 'checkpointing'), 'takes no gradient of a loss'
)
ALL_OF_THEM = dict.fromkeys(OF_THE_PASS, 'looks at no training data to select')


def build(name, **settings):
    return build_method(
        {'type': name, **CASES[name].settings, **settings}, METHODS
    )


@dataclass(frozen=True)
class Norms(SelectsNothing):
    """All that a method without a selection has to state."""

    encoder: str = 'backbone'

    def roles(self, model):
        norms = {
            f'{name}.{kind}'
            for name, module in model.named_modules()
            if isinstance(module, nn.LayerNorm)
            for kind in ('weight', 'bias')
        }
        names = [name for name, _ in model.named_parameters()]
        return {n: Role.WHOLE if n in norms else Role.FROZEN for n in names}


def small_model():
    blocks = nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4))
    backbone = nn.Sequential(OrderedDict(blocks=blocks))
    return nn.ModuleDict({'backbone': backbone, 'head': nn.Linear(4, 2)})


def test_a_method_states_only_what_is_its_own():
    model = small_model()
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    tuned = tune(model, Norms(), losses=[], seed=0)
    optimizer = torch.optim.SGD(tuned.parameters(), lr=1.0)
    tuned.attach(optimizer)
    x = torch.arange(8.0).view(2, 4)
    model['head'](model['backbone'](x)).square().sum().backward()
    optimizer.step()
    changed = {
        name
        for name, parameter in model.named_parameters()
        if not torch.equal(parameter, before[name])
    }
    assert changed == {'backbone.blocks.1.weight', 'backbone.blocks.1.bias'}


def test_a_method_may_train_what_it_adds():
    """As adapters do: a module that the plain model does not have."""

    class WithAdapter(Norms):
        def roles(self, model):
            return {
                name: Role.WHOLE if 'adapter' in name else Role.FROZEN
                for name, _ in model.named_parameters()
            }

    model = small_model()
    model['backbone'].add_module('adapter', nn.Linear(4, 4))
    tuned = tune(model, WithAdapter(), losses=[], seed=0)
    assert set(tuned.names.values()) == {
        'backbone.adapter.weight',
        'backbone.adapter.bias',
    }


@pytest.mark.parametrize('name', METHODS)
def test_every_method_answers_all_questions(name):
    method, model = build(name), small_model()
    assert method.encoder == 'backbone'
    assert method.evidence in (None, *Evidence)
    assert method.tunes_encoder is (name != 'linear')
    assert set(method.roles(model)) == dict(model.named_parameters()).keys()
    assert list(method.cautions(model)) == []
    assert set(method.pull(model).values()) <= {0.1}


@pytest.mark.parametrize('name', METHODS)
def test_what_is_not_given_is_not_ignored(name):
    own = {field.name for field in fields(build(name))}
    assert set(build(name).ignored(frozenset())) <= own
    assert set(build(name).ignored(OF_THE_PASS)) <= own | OF_THE_PASS


@pytest.mark.parametrize(
    ('name', 'settings', 'ignored'),
    [
        ('gps', {}, {}),
        ('gps', {'settled': 0.9}, {}),
        (
            'gps',
            {'score': 'random', 'settled': 0.9},
            ALL_OF_THEM | {'settled': 'looks at no training data to select'},
        ),
        (
            'gps',
            {'score': 'random', 'step': 'unit', 'settled': 0.9},
            {'settled': 'looks at no training data to select'},
        ),
        ('gps', {'step': 'unit', 'settled': 0.9}, {}),
        (
            'gps',
            {'score': 'activation', 'settled': 0.9},
            OF_A_GRADIENT,
        ),
        ('sift', {}, {'max_batches': 'uses only the first batch'}),
        ('grft', {}, {}),
        ('grft', {'penalty': 0}, {}),
        (
            'grft',
            {'penalty': 0, 'last_blocks': 1},
            {'last_blocks': 'pulls nothing with penalty=0'},
        ),
        ('fps', {}, OF_A_GRADIENT),
        ('neuroada', {}, ALL_OF_THEM),
        ('shira', {}, ALL_OF_THEM),
        ('paca', {}, ALL_OF_THEM),
        ('paca', {'score': 'gradient'}, {}),
        ('spt_lora', {}, {}),
        ('bias', {}, ALL_OF_THEM),
        ('bitfit', {}, ALL_OF_THEM),
        ('norm', {}, ALL_OF_THEM),
        ('partial', {'last_blocks': 2}, ALL_OF_THEM),
        ('linear', {}, ALL_OF_THEM),
        ('lora', {}, ALL_OF_THEM),
        ('ssf', {}, ALL_OF_THEM),
        ('fact', {}, ALL_OF_THEM),
        ('ia3', {}, ALL_OF_THEM),
        ('diffit', {}, ALL_OF_THEM),
        ('full', {}, ALL_OF_THEM),
    ],
)
def test_a_method_says_what_it_ignores_and_why(name, settings, ignored):
    assert build(name, **settings).ignored(OF_THE_PASS) == ignored
