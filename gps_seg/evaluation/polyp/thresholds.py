# Copyright (c) gps_seg contributors. Apache-2.0.
"""Areas at 256 thresholds, from a map of probabilities in 256 levels."""

import torch
from torch import Tensor

LEVELS = 256


def to_levels(
    probability: Tensor,  # shape: (height, width)
) -> Tensor:  # shape: (height, width)
    """Round probabilities to whole levels, 0 to 255, as a PNG file does.

    The evaluations of the field read such files. Nothing is stretched: a map
    whose greatest probability is 0.3 has no level above 76. Half a level is
    rounded down, so that a probability above 0.5 is a level above 127.

    Example:
        >>> to_levels(torch.tensor([[0.0, 0.3, 0.999]]))
        tensor([[  0,  76, 255]])
    """
    return (probability * (LEVELS - 1) - 0.5).ceil().long()


def areas_by_threshold(
    levels: Tensor,  # shape: (height, width)
    truth: Tensor,  # shape: (height, width)
    counted: Tensor,  # shape: (height, width)
) -> Tensor:  # shape: (3, LEVELS)
    """Areas of the foreground where the map is at least ``t / 255``.

    Args:
        levels: Map from :func:`to_levels`.
        truth: Whether a pixel is foreground.
        counted: Whether a pixel counts.

    Returns:
        Areas in pixels for ``t`` from 0 to 255, int64; rows as in
        :func:`gps_seg.evaluation.confusion.class_areas`: intersection,
        prediction, truth.

    Example:
        >>> levels = torch.tensor([[0, 255]])
        >>> truth = torch.tensor([[False, True]])
        >>> areas = areas_by_threshold(levels, truth, truth | True)
        >>> areas[:, [0, 1, 255]].tolist()  # t = 0 takes every pixel
        [[1, 1, 1], [2, 1, 1], [1, 1, 1]]
    """
    found = _at_least(levels[truth & counted])
    predicted = _at_least(levels[counted])
    return torch.stack([found, predicted, found[0].expand(LEVELS)])


def _at_least(levels: Tensor) -> Tensor:
    """Number of pixels of at least each level."""
    counts = torch.bincount(levels.flatten(), minlength=LEVELS)
    return counts.flip(0).cumsum(0).flip(0)
