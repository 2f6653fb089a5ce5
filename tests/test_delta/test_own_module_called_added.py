# Copyright (c) gps_seg contributors. Apache-2.0.
"""An encoder with a module of its own that is called as our additions are."""

import copy

import pytest
import torch
from bits import other_bits
from torch import nn

from gps_seg.additions import added_names, detach, is_added, merge
from gps_seg.delta import DeltaInfo, apply, revert
from gps_seg.delta.baseline import Baseline
from gps_seg.peft import LoRA, tune
from gps_seg.sparse import Selection


@pytest.fixture
def base():
    torch.manual_seed(0)
    added = nn.ModuleDict({'fc': nn.Linear(4, 4)})
    backbone = nn.ModuleDict({'added': added, 'fc': nn.Linear(4, 4)})
    return nn.ModuleDict({'backbone': backbone, 'head': nn.Linear(4, 2)})


OWN = ('backbone.added.fc.weight', 'backbone.added.fc.bias')
NEW = {
    f'backbone.{fc}.added.low_rank.{factor}'
    for fc in ('added.fc', 'fc')
    for factor in 'ab'
}


def trained(base):
    model = copy.deepcopy(base)
    tuned = tune(model, LoRA(rank=2, on=['other']), losses=[], seed=0)
    with torch.no_grad():
        for parameter in tuned.parameters():
            parameter += 1
    return model, tuned


def test_it_stays_frozen_like_the_rest_of_the_encoder(base):
    model, tuned = trained(base)
    assert set(tuned.whole) == NEW | {'head.weight', 'head.bias'}
    for name in OWN:
        found = model.get_parameter(name)
        assert not other_bits(found, base.get_parameter(name)).any()
        assert not found.requires_grad


def test_its_names_are_not_those_of_additions(base):
    model, _ = trained(base)
    assert added_names(model) == NEW
    assert not added_names(base)
    assert not any(map(is_added, base.state_dict()))


def test_it_is_merged_with_the_encoder_and_stays_when_detached(base):
    model, _ = trained(base)
    plain = copy.deepcopy(model)
    detach(plain)
    assert list(plain.state_dict()) == list(base.state_dict())
    x = torch.ones(1, 4)
    expected = model['backbone']['added']['fc'](x)
    merge(model)
    assert list(model.state_dict()) == list(base.state_dict())
    found = model['backbone']['added']['fc'](x)
    torch.testing.assert_close(found, expected)


def test_a_delta_knows_it_as_a_part_of_its_base(base):
    model, tuned = trained(base)
    new = {*NEW, 'head.weight', 'head.bias'}
    baseline = Baseline.of(model, Selection({}, {}), [], sorted(new))
    info = DeltaInfo(added=tuned.added.to_json())
    delta = baseline.delta(model, info)
    assert delta.added == NEW
    applied = copy.deepcopy(base)
    apply(applied, delta)
    for name, tensor in model.state_dict().items():
        assert not other_bits(applied.state_dict()[name], tensor).any(), name
    revert(applied)
    assert list(applied.state_dict()) == list(base.state_dict())
