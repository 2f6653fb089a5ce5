# Copyright (c) gps_seg contributors. Apache-2.0.
"""Variants differ in method and rates alone, in what they say and do."""

import pytest
from comparison_records import DIGESTS, record_of
from mmengine.config import Config

from gps_seg.runs.comparing.equal_treatment import (
    check_equal,
    check_treated_alike,
    settings_hash,
)


def config(**overrides):
    own = Config(
        dict(
            custom_hooks=[
                dict(type='Other', a=1),
                dict(type='PeftHook', method=dict(type='gps', k=1)),
            ],
            optim_wrapper=dict(
                type='PeftOptimWrapper',
                optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.01),
            ),
            train_cfg=dict(max_iters=10),
            work_dir='a',
        )
    )
    own.merge_from_dict(overrides)
    return own


PARAMWISE = 'optim_wrapper.paramwise_cfg'
ALLOWED = [
    {'custom_hooks.1.method': dict(_delete_=True, type='bias')},
    {'custom_hooks.1.max_batches': 3},
    {'optim_wrapper.optimizer.lr': 0.1},
    {'optim_wrapper.paramwise_cfg': dict(bias_lr_mult=2)},
    {PARAMWISE: dict(custom_keys=dict(backbone=dict(lr_mult=2)))},
    {'work_dir': 'b'},
    {'crop_size': (8, 8)},
]


@pytest.mark.parametrize('overrides', ALLOWED)
def test_method_and_rates_may_differ(overrides):
    other = config(**overrides)
    check_equal({'first': config(), 'second': other})
    assert settings_hash(other) == settings_hash(config())


FORBIDDEN = {
    'train_cfg': {'train_cfg.max_iters': 20},
    'custom_hooks': {'custom_hooks.0.a': 2},
    'optim_wrapper': {'optim_wrapper.optimizer.weight_decay': 0.0},
    'randomness': {'randomness': dict(seed=3)},
    'data_preprocessor': {'data_preprocessor': dict(mean=[0.0])},
    'auto_scale_lr': {'auto_scale_lr': dict(base_batch_size=16)},
}


@pytest.mark.parametrize('key', FORBIDDEN)
def test_another_difference_is_refused(key):
    other = config(**FORBIDDEN[key])
    message = f"different {key} in 'first' and 'second'"
    with pytest.raises(ValueError, match=message):
        check_equal({'first': config(), 'second': other})
    assert settings_hash(other) != settings_hash(config())


@pytest.mark.parametrize(
    'decay',
    [
        dict(norm_decay_mult=0.0),
        dict(custom_keys=dict(norm=dict(decay_mult=0.0, lr_mult=2))),
    ],
)
def test_another_weight_decay_is_refused(decay):
    other = config(**{PARAMWISE: decay})
    with pytest.raises(ValueError, match='got different paramwise_cfg in'):
        check_equal({'first': config(), 'second': other})


@pytest.mark.parametrize('what', sorted(DIGESTS))
def test_a_run_that_was_treated_otherwise_is_refused(what):
    other = record_of(
        dice=[1.0], variant='bias', treatment={**DIGESTS, what: 'x'}
    )
    with pytest.raises(ValueError, match=f"same {what} in 'gps' and 'bias'"):
        check_treated_alike(record_of(dice=[1.0]), [other])


def test_runs_that_were_treated_alike_pass():
    check_treated_alike(
        record_of(dice=[1.0]), [record_of(dice=[2.0], variant='bias')]
    )
