# Copyright (c) gps_seg contributors. Apache-2.0.
"""A rate reaches what the method trains in the encoder, and no more."""

import pytest
import small_segmentor
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper

from gps_seg.engine import build_base
from gps_seg.runs.comparing.learning_rates import with_rate

TEXT = f"""
{small_segmentor.TEXT}
optim_wrapper = dict(
    type='PeftOptimWrapper', optimizer=dict(type='AdamW', lr=1e-3)
)
custom_hooks = [dict(type='PeftHook', method=dict(type='bias'))]
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / 'config.py'
    path.write_text(TEXT)
    return Config.fromfile(path)


def rates(config):
    """Learning rates of encoder and head, as MMEngine builds them."""
    model = build_base(config)
    groups = build_optim_wrapper(model, config.optim_wrapper).param_groups
    by_id = {id(p): g['lr'] for g in groups for p in g['params']}
    found = {'encoder': set(), 'head': set()}
    for name, parameter in model.named_parameters():
        part = 'encoder' if name.startswith('backbone.') else 'head'
        found[part].add(by_id[id(parameter)])
    return found


def near(values, *expected):
    torch.testing.assert_close(sorted(values), sorted(expected))


def test_the_encoder_gets_the_rate_and_the_head_keeps_its_own(config):
    found = rates(with_rate(config, 0.1))
    near(found['encoder'], 1e-4)
    near(found['head'], 1e-3)


def test_the_multiplier_of_the_config_counts(config):
    keys = {'backbone': dict(lr_mult=3.0), 'decode_head': dict(lr_mult=2.0)}
    config.optim_wrapper.paramwise_cfg = dict(custom_keys=keys)
    found = rates(with_rate(config, 10))
    near(found['encoder'], 3e-2)
    near(found['head'], 2e-3)


def test_where_only_the_head_trains_it_gets_the_rate(config):
    config.custom_hooks[0].method = dict(type='linear')
    near(rates(with_rate(config, 30))['head'], 3e-2)


def test_the_config_itself_stays(config):
    before = config.to_dict()
    with_rate(config, 10)
    assert config.to_dict() == before


def test_rates_by_kind_of_parameter_are_refused(config):
    config.optim_wrapper.paramwise_cfg = dict(bias_lr_mult=2.0)
    with pytest.raises(ValueError, match=r"alone, got \['bias_lr_mult'\]"):
        with_rate(config, 1)
