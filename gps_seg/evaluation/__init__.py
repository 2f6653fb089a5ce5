# Copyright (c) gps_seg contributors. Apache-2.0.
"""Evaluation: Dice and IoU, the polyp field's measures, accuracy."""

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
from gps_seg.evaluation.polyp.polyp_metric import POLYP_SCORES, PolypMetric

__all__ = [
    'DiceIoUMetric',
    'ImageAccuracy',
    'ImageScore',
    'POLYP_SCORES',
    'PerImageAccuracy',
    'PolypMetric',
]
