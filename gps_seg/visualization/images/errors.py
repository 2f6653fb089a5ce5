# Copyright (c) gps_seg contributors. Apache-2.0.
"""Errors of a prediction, painted on its image."""

from __future__ import annotations

import numpy as np

from gps_seg.visualization import palette
from gps_seg.visualization.images.label_maps import UNKNOWN

FALSE_POSITIVE, FALSE_NEGATIVE = 'false positive', 'false negative'
UNCHECKED = 'prediction, no ground truth'
COLOURS = {
    FALSE_POSITIVE: palette.FALSE_POSITIVE,
    FALSE_NEGATIVE: palette.FALSE_NEGATIVE,
    UNCHECKED: palette.UNCHECKED,
}
_OPACITY = 0.55


def find_errors(
    prediction: np.ndarray,  # shape: (height, width)
    truth: np.ndarray | None,  # shape: (height, width)
) -> dict[str, np.ndarray]:  # values of shape (height, width), bool
    """Pixels to colour, by their name in the legend.

    A wrong pixel is a false positive if a foreground class is predicted, and
    a false negative if the background is predicted. Pixels with the label
    ``UNKNOWN`` are neither. Without a ground truth the whole predicted
    foreground is coloured.
    """
    if truth is None:
        return {UNCHECKED: prediction > 0}
    wrong = (truth != UNKNOWN) & (prediction != truth)
    return {
        FALSE_POSITIVE: wrong & (prediction > 0),
        FALSE_NEGATIVE: wrong & (prediction == 0),
    }


def paint(
    image: np.ndarray,  # shape: (height, width, 3)
    prediction: np.ndarray,  # shape: (height, width)
    truth: np.ndarray | None,  # shape: (height, width)
) -> np.ndarray:  # shape: (height, width, 3)
    """Paint the pixels of :func:`find_errors` over an image."""
    painted = image.astype(np.float32)
    for name, mask in find_errors(prediction, truth).items():
        colour = np.array(palette.rgb(COLOURS[name]), dtype=np.float32)
        painted[mask] = (1 - _OPACITY) * painted[mask] + _OPACITY * colour
    return painted.round().astype(np.uint8)
