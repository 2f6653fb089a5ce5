# Copyright (c) gps_seg contributors. Apache-2.0.
"""Metrics of a config, each with the evaluator that a runner builds."""

import numpy as np
import pytest
from mmengine.evaluator import Evaluator
from mmengine.registry import init_default_scope
from polyp_maps import BINARY, library, sample_of

from gps_seg.evaluation import DiceIoUMetric, PerImageAccuracy, PolypMetric
from gps_seg.stack import require_openmmlab

require_openmmlab()

from mmpretrain.structures import DataSample  # noqa: E402

TRUTH = np.zeros((8, 9), int)
TRUTH[2:4, 2:6] = 1
FOUND = np.where(TRUTH, 0.9, 0.1)
FOUND[3, 2:6] = 0.2  # half of the polyp


def scores_of(names, sample):
    """The scores of one image."""
    evaluator = Evaluator(names['val_evaluator'])
    evaluator.dataset_meta = {'classes': BINARY}
    evaluator.process([sample])
    return evaluator.evaluate(1)


def test_dice_iou_metric(run):
    init_default_scope('mmseg')
    scores = scores_of(run(DiceIoUMetric), sample_of(FOUND, TRUTH))
    assert scores['image_mDice'] == pytest.approx(200 * 4 / (4 + 8))
    assert scores['image_mIoU'] == pytest.approx(50)


def test_polyp_metric(run):
    library()
    init_default_scope('mmseg')
    scores = scores_of(run(PolypMetric), sample_of(FOUND, TRUTH))
    assert scores['polyp/image_mIoU'] == pytest.approx(50)
    assert scores['polyp/image_mDice'] == scores['image_mDice']


def test_per_image_accuracy(run):
    init_default_scope('mmpretrain')
    sample = DataSample().set_gt_label(1).set_pred_score(np.array([0.2, 0.8]))
    scores = scores_of(run(PerImageAccuracy), sample)
    assert scores == {'accuracy/top1': 100, 'image_accuracy': 100}
