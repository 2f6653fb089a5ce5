# Copyright (c) gps_seg contributors. Apache-2.0.
"""Scores of one prediction, and the difference between two."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from gps_seg.evaluation.confusion import (
    class_areas,
    dice_scores,
    iou_scores,
    mean_of_present,
)


class Score(NamedTuple):
    """Scores of one image over the foreground classes, in percent.

    Args:
        dice: Mean Dice coefficient.
        iou: Mean intersection over union.
    """

    dice: float
    iou: float


def score(
    labels: np.ndarray,  # shape: (height, width)
    truth: np.ndarray,  # shape: (height, width)
    num_classes: int,
) -> Score:
    """Scores of a prediction, as ``image_mDice`` and ``image_mIoU``.

    Args:
        labels: Predicted labels.
        truth: Labels of the ground truth; 255 is ignored.
        num_classes: Number of classes; the first is the background.

    Raises:
        ValueError: If the shapes differ or a label is not a class.

    Example:
        >>> guess, truth = np.array([[0, 1, 1]]), np.array([[0, 0, 1]])
        >>> round(score(guess, truth, 2).dice, 1)
        66.7
    """
    areas = class_areas(
        torch.as_tensor(labels), torch.as_tensor(truth), num_classes
    )[:, 1:]
    return Score(
        100 * float(mean_of_present(dice_scores(areas))),
        100 * float(mean_of_present(iou_scores(areas))),
    )


def share_changed(one: np.ndarray, other: np.ndarray) -> float:
    """Share of the pixels on which two label maps differ, in percent.

    Example:
        >>> share_changed(np.array([0, 1]), np.array([1, 1]))
        50.0
    """
    return 100 * float((one != other).mean())
