# Copyright (c) gps_seg contributors. Apache-2.0.
"""A rate reaches what the method trains in the encoder, and no more."""

import pytest
import small_segmentor
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from torch import nn

from gps_seg.engine import build_base
from gps_seg.runs.comparing.learning_rates import with_rate
from gps_seg.runs.comparing.rate_keys import keys_with_rate

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


def groups_of(model, wrapper):
    """Rate and decay of each parameter by name, as MMEngine builds them."""
    groups = build_optim_wrapper(model, wrapper).param_groups
    found = {
        id(parameter): (group['lr'], group['weight_decay'])
        for group in groups
        for parameter in group['params']
    }
    return {name: found[id(p)] for name, p in model.named_parameters()}


def check_rate_alone_changes(before, after, rate):
    assert before.keys() == after.keys()
    for name, (lr, decay) in before.items():
        factor = rate if name.startswith('backbone.') else 1
        assert after[name] == pytest.approx((lr * factor, decay)), name


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


KEYS = {
    'usual': {
        'pos_embed': dict(decay_mult=0.0),
        'ln': dict(decay_mult=0.0),
        'head': dict(lr_mult=10.0),
    },
    'many': {
        'pos_embed': dict(decay_mult=0.0),
        'ln': dict(decay_mult=0.0),
        'bias': dict(decay_mult=0.0, lr_mult=2.0),
        'backbone': dict(lr_mult=0.5, decay_mult=3.0),
        'backbone.layers.1.attn': dict(lr_mult=0.25),
        'backbone.cls_token': dict(lr=0.75),
    },
    'shorter than the encoder': {'back': dict(lr_mult=7.0, decay_mult=2.0)},
    'none': {},
}


@pytest.mark.parametrize('rate', [1, 0.1, 30])
@pytest.mark.parametrize('keys', KEYS.values(), ids=KEYS)
def test_the_other_keys_of_the_config_keep_their_effect(config, keys, rate):
    config.optim_wrapper.optimizer.weight_decay = 0.05
    config.optim_wrapper.paramwise_cfg = dict(custom_keys=keys)
    model = build_base(config)
    before = groups_of(model, config.optim_wrapper)
    after = groups_of(model, with_rate(config, rate).optim_wrapper)
    assert len(set(before.values())) >= min(2, len(keys))
    check_rate_alone_changes(before, after, rate)


def test_the_usual_keys_of_a_swin_keep_their_effect(config):
    config.model.backbone = dict(
        type='SwinTransformer',
        embed_dims=4,
        window_size=2,
        depths=(1, 1, 1, 1),
        num_heads=(1, 1, 1, 1),
        use_abs_pos_embed=True,
        pretrain_img_size=16,
    )
    keys = {
        'absolute_pos_embed': dict(decay_mult=0.0),
        'relative_position_bias_table': dict(decay_mult=0.0),
        'norm': dict(decay_mult=0.0),
        'head': dict(lr_mult=10.0),
    }
    test_the_other_keys_of_the_config_keep_their_effect(config, keys, 0.1)


class Layers(nn.Module):
    def __init__(self, **layers):
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)


def test_a_name_that_is_part_of_another_does_not_change_it():
    model = Layers(
        backbone=Layers(fc=nn.Linear(2, 2), norm=nn.LayerNorm(2)),
        neck=Layers(
            backbone=Layers(fc=nn.Linear(2, 2), norm=nn.LayerNorm(2)),
        ),
        on_backbone=nn.Linear(2, 2),
    )
    wrapper = dict(optimizer=dict(type='SGD', lr=0.1, weight_decay=0.2))
    keys = {
        'norm': dict(decay_mult=0.0),
        'neck.backbone': dict(lr_mult=5.0),
    }
    wrapper['paramwise_cfg'] = dict(custom_keys=keys)
    before = groups_of(model, wrapper)
    names = [name for name, _ in model.named_parameters()]
    own = keys_with_rate(keys, 'backbone', 4, names)
    wrapper['paramwise_cfg'] = dict(custom_keys=own)
    check_rate_alone_changes(before, groups_of(model, wrapper), 4)


def test_where_one_key_says_it_all_there_is_no_other(config):
    def keys_of(keys):
        config.optim_wrapper.paramwise_cfg = dict(custom_keys=keys)
        wrapper = with_rate(config, 3).optim_wrapper
        return wrapper.paramwise_cfg.custom_keys.to_dict()

    head = {'decode_head': {'lr_mult': 10.0}}
    assert keys_of({}) == {'backbone': {'lr_mult': 3}}
    assert keys_of(head) == {**head, 'backbone': {'lr_mult': 3}}


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


def test_a_constructor_of_its_own_is_refused(config):
    config.optim_wrapper.constructor = 'LayerDecayOptimizerConstructor'
    with pytest.raises(ValueError, match="got 'LayerDecayOptimizerConstr"):
        with_rate(config, 1)
