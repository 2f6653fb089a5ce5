"""The metric of the best validation is one that exists."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmpretrain.evaluation import Accuracy
from mmseg.evaluation import IoUMetric

from gps_seg.engine.metric_names import check_save_best
from gps_seg.engine.plug_in.completion import plug_in
from gps_seg.evaluation import POLYP_SCORES
from gps_seg.runs.early_check import check_config

MEANS = ['image_mDice', 'image_mIoU', 'mDice', 'mIoU']


def config(save_best, evaluator, hook='CheckpointHook', **others):
    checkpoint = dict(type=hook, interval=1, save_best=save_best)
    return Config(
        dict(
            model=dict(type='Any'),
            default_hooks=dict(checkpoint=checkpoint),
            val_evaluator=evaluator,
            **others,
        )
    )


@pytest.mark.parametrize('hook', ['CheckpointHook', 'DeltaHook'])
@pytest.mark.parametrize('many', [False, True])
def test_a_misspelt_metric_is_refused_with_a_list(hook, many):
    evaluator = dict(type='DiceIoUMetric')
    evaluator = [evaluator] if many else evaluator
    with pytest.raises(ValueError, match=r"got 'mDise'. Did you mean") as info:
        check_config(config('mDise', evaluator, hook))
    assert str(MEANS) in str(info.value)


def test_a_delta_hook_has_its_metric_named():
    settings = config('auto', dict(type='MetricOfYours'), 'DeltaHook')
    with pytest.raises(ValueError, match=r"save_best: .*, got 'auto'"):
        check_config(settings)


def test_a_config_that_is_plugged_in_is_checked_before_a_rule_is_inferred():
    settings = config(
        'mDise',
        dict(type='IoUMetric'),
        custom_hooks=[dict(type='PeftHook', method=dict(type='bias'))],
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD')),
    )
    with pytest.raises(ValueError, match=r"\['aAcc', 'mAcc', 'mIoU'\]"):
        plug_in(settings)


@pytest.mark.parametrize(
    ('save_best', 'evaluator'),
    [
        *((name, dict(type='DiceIoUMetric')) for name in MEANS),
        ('IoU.polyp', dict(type='DiceIoUMetric')),
        ('val/mDice', dict(type='DiceIoUMetric', prefix='val')),
        (['mDice', 'mIoU'], dict(type='DiceIoUMetric')),
        ('polyp/MAE', [dict(type='DiceIoUMetric'), dict(type='PolypMetric')]),
        ('mDice', [dict(type='DiceIoUMetric'), dict(type='PolypMetric')]),
        ('x/adaptive_E', dict(type='PolypMetric', prefix='x')),
        ('auto', dict(type='DiceIoUMetric')),
        (None, dict(type='DiceIoUMetric')),
        ('mDice', None),
        ('accuracy/top5', dict(type='Accuracy', topk=(1, 5))),
        ('anything', dict(type='MetricOfYours')),
        ('anything', [dict(type='IoUMetric'), dict(type='MetricOfYours')]),
    ],
)
def test_a_metric_that_exists_or_may_exist_passes(save_best, evaluator):
    check_save_best(config(save_best, evaluator))


@pytest.mark.parametrize(
    'asked', [['mIoU'], ['mDice'], ['mFscore'], ['mIoU', 'mDice', 'mFscore']]
)
def test_the_names_are_those_that_an_iou_metric_gives(asked):
    metric = IoUMetric(iou_metrics=asked)
    metric.dataset_meta = {'classes': ['a', 'b']}
    label = torch.tensor([[0, 1], [1, 1]])
    sample = {
        'pred_sem_seg': {'data': label[None]},
        'gt_sem_seg': {'data': label[None]},
    }
    metric.process({}, [sample])
    given = metric.evaluate(1)
    evaluator = dict(type='IoUMetric', iou_metrics=asked)
    for name, value in given.items():
        assert np.isscalar(value)
        check_save_best(config(name, evaluator))
    with pytest.raises(ValueError, match='got .mDise') as info:
        check_save_best(config('mDise', evaluator))
    assert str(sorted(given)) in str(info.value)


def test_the_names_are_those_that_an_accuracy_gives():
    metric = Accuracy(topk=(1, 2))
    scores = torch.tensor([0.1, 0.7, 0.2])
    sample = {'pred_score': scores, 'gt_label': torch.tensor([1])}
    metric.process({}, [sample])
    given = metric.evaluate(1)
    evaluator = dict(type='Accuracy', topk=(1, 2))
    with pytest.raises(ValueError, match='got .top1') as info:
        check_save_best(config('top1', evaluator))
    assert str(sorted(given)) in str(info.value)


def test_the_scores_of_polyps_have_their_prefix():
    evaluator = dict(type='PolypMetric')
    with pytest.raises(ValueError, match='Did you mean') as info:
        check_save_best(config('image_mDice', evaluator))
    given = sorted(f'polyp/{name}' for name in POLYP_SCORES)
    assert str(given) in str(info.value)
