# Copyright (c) gps_seg contributors. Apache-2.0.
"""Labels over their image, in the colours of the task."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from gps_seg.app.serving.tasks import Task
from gps_seg.visualization.palette import PALETTE, UNCHECKED, rgb

BACKGROUND = 'background'
Colour = tuple[int, int, int]
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)
_LARGE = 600  # pixels of the shorter side from which on lines are thicker
_SHOWN = 720  # pixels of the longer side on the page


def colours_of(task: Task) -> list[Colour]:
    """A colour for each class: its palette, or one of our own.

    Example:
        >>> colours_of(Task('veins', None, classes=('background', 'vein')))
        [(0, 0, 0), (86, 180, 233)]
    """
    number = len(task.classes)
    if len(task.palette) == number:
        return list(task.palette)
    if number == 2:
        return [_BLACK, rgb(UNCHECKED)]
    if number <= len(PALETTE):
        return [rgb(colour) for colour in PALETTE[:number]]
    return [_hue(index / number) for index in range(number)]


def painted_classes(classes: Sequence[str]) -> list[int]:
    """Labels that are painted: all but the background.

    Example:
        >>> painted_classes(['background', 'polyp'])
        [1]
        >>> painted_classes(['road', 'car', 'sky'])
        [0, 1, 2]
    """
    has_background = len(classes) == 2 or (
        bool(classes) and classes[0].lower() == BACKGROUND
    )
    return list(range(1 if has_background else 0, len(classes)))


def paint(
    image: np.ndarray,  # shape: (height, width, 3)
    labels: np.ndarray,  # shape: (height, width)
    task: Task,
    opacity: float,
    truth: np.ndarray | None = None,  # shape: (height, width)
) -> np.ndarray:  # shape: (height, width, 3)
    """Paint the classes of a prediction, and the outline of the truth.

    Args:
        image: RGB, uint8.
        labels: Labels of the prediction.
        task: Task of the prediction.
        opacity: Opacity of the colours, 0 to 1.
        truth: Labels of the ground truth; None if there is none.

    Example:
        >>> task = Task('a', None, classes=('background', 'polyp'),
        ...             palette=((0, 0, 0), (250, 0, 0)))
        >>> grey = np.full((9, 9, 3), 100, np.uint8)
        >>> everywhere = np.ones((9, 9), np.uint8)
        >>> paint(grey, everywhere, task, 0.5)[4, 4].tolist()
        [175, 50, 50]
    """
    colours = np.array(colours_of(task), np.float32)
    shown = np.isin(labels, painted_classes(task.classes))
    weight = np.where(shown, opacity, 0).astype(np.float32)[..., None]
    layer = colours[np.minimum(labels, len(colours) - 1)]
    painted = (image * (1 - weight) + layer * weight).round().astype(np.uint8)
    width = 2 if min(labels.shape) >= _LARGE else 1
    if opacity:
        edges = _edges(labels, width) & shown
        painted[edges] = layer[edges]
    if truth is not None:
        edges = _edges(truth, width)
        painted[_thicker(edges, width)] = _BLACK
        painted[edges] = _WHITE
    return painted


def enlarged(
    image: np.ndarray,  # shape: (height, width, 3)
    *maps: np.ndarray | None,  # shape: (height, width)
) -> list[Any]:
    """A small image and its label maps at the size at which they are shown.

    A browser would show the image smaller than its frame, or blur the labels.

    Args:
        image: RGB, uint8.
        *maps: Label maps of the image, or None.

    Returns:
        The image and the maps, enlarged by the same whole number.

    Example:
        >>> [part.shape for part in enlarged(
        ...     np.zeros((100, 200, 3), np.uint8), np.zeros((100, 200)))]
        [(300, 600, 3), (300, 600)]
    """
    factor = max(1, _SHOWN // max(image.shape[:2]))
    size = (factor * image.shape[1], factor * image.shape[0])
    larger = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
    return [
        larger,
        *(
            None
            if labels is None
            else labels.repeat(factor, axis=0).repeat(factor, axis=1)
            for labels in maps
        ),
    ]


def _edges(
    labels: np.ndarray,  # shape: (height, width)
    width: int,
) -> np.ndarray:  # shape: (height, width), bool
    """Pixels beside a pixel of another label."""
    kernel = np.ones((2 * width + 1,) * 2, np.uint8)
    low, high = cv2.erode(labels, kernel), cv2.dilate(labels, kernel)
    return (labels != low) | (labels != high)


def _thicker(edges: np.ndarray, width: int) -> np.ndarray:
    kernel = np.ones((2 * width + 1,) * 2, np.uint8)
    return cv2.dilate(edges.astype(np.uint8), kernel) > 0


def _hue(place: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(place, 0.75, 0.9)
    return round(255 * red), round(255 * green), round(255 * blue)
