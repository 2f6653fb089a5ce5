# Copyright (c) gps_seg contributors. Apache-2.0.
"""Label maps of an object on a background."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

#: Label of pixels without a ground truth.
UNKNOWN = 255


def is_foreground(labels: np.ndarray) -> np.ndarray:
    """Pixels of the object; same shape, bool."""
    return (labels > 0) & (labels != UNKNOWN)


def has_outline(labels: np.ndarray) -> bool:
    """Whether there is a border between the object and its background."""
    inside = is_foreground(labels)
    return bool(inside.any() and not inside.all())


def foreground_share(labels: np.ndarray) -> float:
    """Share of the foreground in the pixels with a ground truth."""
    known = labels != UNKNOWN
    return float((labels[known] > 0).mean()) if known.any() else 0.0


def check_picture(
    image: np.ndarray, maps: Mapping[str, np.ndarray | None], title: str
) -> None:
    """Raise ValueError unless label maps fit their image.

    Args:
        image: RGB, uint8, shape (height, width, 3).
        maps: Label maps by name, shape (height, width) each, or None.
        title: Name of the image for the message.
    """
    size = image.shape[:2]
    if image.dtype != np.uint8 or image.shape != (*size, 3):
        raise ValueError(
            'image: expected uint8 of shape (height, width, 3), got '
            f'{image.dtype} of {image.shape} ({title}). Leave normalisation '
            'to the data preprocessor.'
        )
    for name, labels in maps.items():
        if labels is not None and labels.shape != size:
            raise ValueError(
                f'{name}: expected a label map of the size of the image, '
                f'{size}, got {labels.shape} ({title}). Resize it first.'
            )
