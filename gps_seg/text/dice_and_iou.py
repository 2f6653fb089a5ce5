# Copyright (c) gps_seg contributors. Apache-2.0.
"""Which means of Dice and IoU can belong together.

One class in one image, or pooled over a data set, has ``D = 2 J / (1 + J)``
for Dice ``D`` and IoU ``J``. This curve is concave, so by Jensen's inequality
means over the same items keep ``mean J <= mean D <= 2 mean J / (1 + mean J)``.
The same holds for means over seeds and thresholds, and for the greatest means
over the same thresholds. A pair outside comes from different images,
checkpoints or averages, or from an error.
"""

import math
from collections.abc import Mapping

#: How far a figure may be from what was measured: half of the last digit of
#: one that is given in percent with one decimal.
ROUNDING = 0.05
_EXACT = 1e-9  # more than the rounding of float64


def require_possible_scores(
    scores: Mapping[str, float | None], where: object
) -> None:
    """Refuse scores in which a mean Dice cannot belong to its mean IoU.

    Every name with ``Dice`` is compared with the name that has ``IoU`` in its
    place, such as ``image_mDice`` with ``image_mIoU``. A score that is alone,
    None or NaN is passed over.

    Args:
        scores: Scores by name, in percent.
        where: File, run or table of the scores, for the message.

    Raises:
        ValueError: If a pair is impossible, even where both figures are
            rounded to one decimal.

    Example:
        >>> require_possible_scores({'mDice': 82.8, 'mIoU': 73.6}, 'a run')
        >>> require_possible_scores({'mDice': 88.1, 'mIoU': 72.5}, 'a table')
        Traceback (most recent call last):
        ValueError: mDice and mIoU: expected Dice from 72.5 to 84.1 ...
    """
    for name, dice in scores.items():
        twin = name.replace('Dice', 'IoU', 1)
        iou = scores.get(twin) if twin != name else None
        if dice is None or iou is None or is_possible(dice, iou):
            continue
        raise ValueError(
            f'{name} and {twin}: expected Dice from {iou:.1f} to '
            f'{_greatest_dice(iou):.1f} where IoU is {iou:.1f}, got '
            f'{dice:.1f} ({where}). Means over the same items have '
            'IoU <= Dice <= 2 IoU / (1 + IoU): take both from one '
            'evaluation of one model.'
        )


def is_possible(dice: float, iou: float) -> bool:
    """Whether means of Dice and IoU can be of the same items.

    Args:
        dice: Mean Dice in percent, exact or rounded to one decimal.
        iou: Mean IoU in percent, exact or rounded to one decimal.

    Returns:
        True also if one of them is NaN, which says nothing.

    Example:
        >>> is_possible(84.1, 72.5), is_possible(84.2, 72.5)
        (True, False)
        >>> is_possible(dice=55.7, iou=55.2), is_possible(dice=55.2, iou=55.7)
        (True, False)
    """
    if math.isnan(dice) or math.isnan(iou):
        return True
    slack = ROUNDING + _EXACT
    return iou - slack <= dice + slack and dice - slack <= _greatest_dice(
        iou + slack
    )


def _greatest_dice(iou: float) -> float:
    """Dice of items that all have this IoU, in percent."""
    return 200 * iou / (100 + iou)
