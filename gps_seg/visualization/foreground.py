# Copyright (c) gps_seg contributors. Apache-2.0.
"""An object on a background: which pixels it has, and its outline."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

#: The label of pixels of which nothing is known.
UNKNOWN = 255
OUTLINE = '#00E5FF'  # stands out on the pinks and reds of endoscopy


def is_foreground(labels: np.ndarray) -> np.ndarray:
    """Which pixels belong to the object; same shape, bool."""
    return (labels > 0) & (labels != UNKNOWN)


def draw_outline(axes: Axes, labels: np.ndarray, width: float) -> None:
    """Draw the border of the object, if it has one.

    Args:
        axes: Axes that show the image.
        labels: Label map, shape (height, width).
        width: Line width in points.
    """
    inside = is_foreground(labels)
    if inside.any() and not inside.all():
        axes.contour(inside, levels=[0.5], colors=OUTLINE, linewidths=width)
