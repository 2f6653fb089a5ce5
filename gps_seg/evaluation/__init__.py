# Copyright (c) gps_seg contributors. Apache-2.0.
"""Evaluation: Dice and IoU, pooled and per image; accuracy per image."""

from gps_seg.stack import require_openmmlab

require_openmmlab()

from gps_seg.evaluation.dice_iou_metric import (
    DiceIoUMetric,
    ImageScore,
)
from gps_seg.evaluation.per_image_accuracy import (
    ImageAccuracy,
    PerImageAccuracy,
)

__all__ = ['DiceIoUMetric', 'ImageAccuracy', 'ImageScore', 'PerImageAccuracy']
