# Copyright (c) gps_seg contributors. Apache-2.0.
"""Evaluation: Dice and IoU, pooled over a data set and per image."""

from gps_seg.stack import require_openmmlab

require_openmmlab()

from gps_seg.evaluation.dice_iou_metric import (
    DiceIoUMetric,
    ImageScore,
)

__all__ = ['DiceIoUMetric', 'ImageScore']
