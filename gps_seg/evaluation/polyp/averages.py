# Copyright (c) gps_seg contributors. Apache-2.0.
"""Scores of a data set from what was measured on its images, as shares."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from gps_seg.evaluation.confusion import dice_scores, iou_scores
from gps_seg.evaluation.polyp.structure import Structure


def at_one_half(
    areas: Tensor,  # shape: (num_images, 3)
) -> dict[str, Tensor]:
    """Dice and IoU at probability 0.5: per image, and of summed areas.

    Pooled scores are NaN if neither map has foreground in any image.
    """
    images = areas[:, :, None]
    pooled = images.sum(dim=0)
    return {
        'image_mDice': _empty_is_perfect(dice_scores(images)).mean(),
        'image_mIoU': _empty_is_perfect(iou_scores(images)).mean(),
        'pooled_Dice': dice_scores(pooled).squeeze(),
        'pooled_IoU': iou_scores(pooled).squeeze(),
    }


def over_thresholds(
    areas: Tensor,  # shape: (num_images, 3, LEVELS)
) -> dict[str, Tensor]:
    """Dice and IoU averaged over the images at each of 256 thresholds.

    Of the 256 averages, the greatest and the mean.
    """
    dice = _empty_is_perfect(dice_scores(areas)).mean(dim=0)
    iou = _empty_is_perfect(iou_scores(areas)).mean(dim=0)
    return {
        'threshold_max_mDice': dice.max(),
        'threshold_mean_mDice': dice.mean(),
        'threshold_max_mIoU': iou.max(),
        'threshold_mean_mIoU': iou.mean(),
    }


def of_structure(images: Sequence[Structure]) -> dict[str, float]:
    """The other measures, averaged over the images; E also as a curve."""
    e_curve = np.mean([image.e_by_threshold for image in images], axis=0)
    return {
        'weighted_F': float(np.mean([i.weighted_f for i in images])),
        'S_measure': float(np.mean([i.s_measure for i in images])),
        'threshold_max_E': float(e_curve.max()),
        'threshold_mean_E': float(e_curve.mean()),
        'adaptive_E': float(np.mean([i.adaptive_e for i in images])),
        'MAE': float(np.mean([i.mae for i in images])),
    }


def _empty_is_perfect(scores: Tensor) -> Tensor:
    """1 where neither map has foreground: nothing to find, nothing found."""
    return scores.nan_to_num(nan=1.0)
