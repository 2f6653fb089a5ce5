# Copyright (c) gps_seg contributors. Apache-2.0.
"""Panels of a page of images: an image, its ground truth, a prediction."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from gps_seg.visualization.images.class_colours import ClassColours
from gps_seg.visualization.images.errors import COLOURS, find_errors, paint
from gps_seg.visualization.images.label_maps import has_outline, is_foreground
from gps_seg.visualization.palette import INK, OUTLINE

TRUTH = 'ground truth'


def show(axes: Axes, image: np.ndarray) -> None:
    """Show an image without ticks or frame."""
    clear(axes)
    axes.imshow(image, interpolation='antialiased')


def clear(axes: Axes) -> None:
    """Remove ticks and frame; labels of the axes stay."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def show_truth(
    axes: Axes,
    image: np.ndarray,
    truth: np.ndarray | None,
    classes: ClassColours | None,
) -> None:
    """Show the outline of the object, or the colours of the classes."""
    if truth is not None and classes is not None:
        show(axes, classes.paint(image, truth))
        return
    show(axes, image)
    if truth is None:
        _write(axes, 'no ground truth')
    else:
        outline(axes, truth, width=1.4)


def show_prediction(
    axes: Axes,
    image: np.ndarray,
    prediction: np.ndarray,
    truth: np.ndarray | None,
    classes: ClassColours | None,
) -> None:
    """Show errors and the true outline, or the colours of the classes."""
    if classes is not None:
        show(axes, classes.paint(image, prediction))
        return
    show(axes, paint(image, prediction, truth))
    if truth is not None:
        outline(axes, truth, width=0.9)


def outline(axes: Axes, labels: np.ndarray, width: float) -> None:
    """Draw the border of the object, if it has one.

    Args:
        axes: Axes that show the image.
        labels: Label map, shape (height, width).
        width: Line width in points.
    """
    if has_outline(labels):
        inside = is_foreground(labels)
        axes.contour(inside, levels=[0.5], colors=OUTLINE, linewidths=width)


def outline_handle(label: str) -> Patch:
    """Legend entry of an outline."""
    return Patch(facecolor='none', edgecolor=OUTLINE, label=label)


def legend_handles(
    pairs: Iterable[tuple[np.ndarray, np.ndarray | None]],
    classes: ClassColours | None,
) -> list[Patch]:
    """Legend entries for everything in pairs of prediction and truth."""
    pairs = list(pairs)
    truths = [truth for _, truth in pairs if truth is not None]
    if classes is not None:
        return classes.legend([*truths, *(guess for guess, _ in pairs)])
    found = {
        name
        for prediction, truth in pairs
        for name, mask in find_errors(prediction, truth).items()
        if mask.any()
    }
    outlined = any(map(has_outline, truths))
    return [
        *([outline_handle(TRUTH)] if outlined else []),
        *(
            Patch(facecolor=colour, label=name)
            for name, colour in COLOURS.items()
            if name in found
        ),
    ]


def _write(axes: Axes, text: str) -> None:
    axes.text(
        0.5,
        0.5,
        text,
        transform=axes.transAxes,
        ha='center',
        fontsize=9,
        color=INK,
        bbox={'facecolor': 'white', 'edgecolor': 'none', 'alpha': 0.8},
    )
