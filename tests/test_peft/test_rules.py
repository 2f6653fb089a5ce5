"""Rows of the rule table as a setting of the methods."""

import re

import pytest
import torch
from torch import nn

from gps_seg.peft import METHODS, build_method, tune
from gps_seg.sparse import Role

NORMS = [
    dict(module='LayerNorm', attribute=attribute, role='whole')
    for attribute in ('weight', 'bias')
]
#: Every method that asks the table, with the least settings.
ASKING = [
    dict(type='gps', k=1),
    dict(type='sift', share=0.5),
    dict(type='grft', k=1, unit='row', penalty=0, last_blocks=0),
    dict(type='bias'),
    *(dict(type=name) for name in ('fps', 'neuroada', 'shira', 'paca')),
]


def make():
    backbone = nn.Sequential(nn.Linear(6, 4), nn.LayerNorm(4))
    model = nn.ModuleDict({'backbone': backbone, 'head': nn.Linear(4, 2)})
    x = torch.randn(16, 6)
    return model, lambda: model['head'](backbone(x)).square().mean()


@pytest.mark.parametrize('config', ASKING, ids=lambda config: config['type'])
def test_norms_train_whole_when_a_row_says_so(config):
    plain = build_method(config, METHODS).roles(make()[0])
    roles = build_method({**config, 'rules': NORMS}, METHODS).roles(make()[0])
    assert plain['backbone.1.weight'] is Role.FROZEN
    assert {n for n in roles if roles[n] is not plain[n]} == {
        'backbone.1.weight',
        'backbone.1.bias',
    }
    assert roles['backbone.1.weight'] is Role.WHOLE


@pytest.mark.parametrize('config', ASKING, ids=lambda config: config['type'])
def test_a_row_that_is_not_legal_fails_when_the_method_is_made(config):
    rules = [dict(module='LayerNorm', attribute='weight', role='trained')]
    legal = "rules: expected a role among ['selected', 'whole', 'frozen']"
    with pytest.raises(ValueError, match=re.escape(legal)):
        build_method({**config, 'rules': rules}, METHODS)


def test_methods_that_ask_no_table_take_no_rows():
    for name in METHODS.keys() - {config['type'] for config in ASKING}:
        with pytest.raises(ValueError, match=r"expected keys among.*'rules'"):
            build_method(dict(type=name, rules=NORMS), METHODS)


def test_a_row_that_decides_nothing_fails_before_any_loss():
    rules = [dict(module='BatchNorm2d', attribute='weight', role='whole')]
    method = build_method(dict(type='gps', k=1, rules=rules), METHODS)
    asked = []
    with pytest.raises(ValueError, match=r'BatchNorm2d.weight -> whole'):
        tune(make()[0], method, [lambda: asked.append(1)], seed=0)
    assert asked == []


def test_what_the_rows_declare_is_what_trains():
    model, loss = make()
    rules = [*NORMS, dict(module='Linear', attribute='bias', role='frozen')]
    method = build_method(dict(type='gps', k=1, rules=rules), METHODS)
    tuned = tune(model, method, [loss], seed=0)
    assert set(tuned.names.values()) == {
        'backbone.0.weight',
        'backbone.1.weight',
        'backbone.1.bias',
        'head.weight',
        'head.bias',
    }
    assert not model['backbone'][0].bias.requires_grad
