# Copyright (c) gps_seg contributors. Apache-2.0.
"""Predictions laid over their images, with the errors in colour."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from gps_seg.visualization.figure import (
    PHOTO_DPI,
    add_legend,
    new_figure,
    save_figure,
    shortened,
)
from gps_seg.visualization.images import panels
from gps_seg.visualization.images.class_colours import ClassColours
from gps_seg.visualization.images.label_maps import check_picture
from gps_seg.visualization.palette import INK

_PANELS = ('image', panels.TRUTH, 'prediction')
_PER_BAND = 9
_MOST_LETTERS = 26  # of a title, as wide as a panel


@dataclass(frozen=True, eq=False)
class Overlay:
    """One image with its prediction.

    Args:
        image: RGB, uint8, shape (height, width, 3).
        prediction: Labels, shape (height, width); 0 is background.
        truth: Labels, shape (height, width), ``UNKNOWN`` (255) where there is
            no ground truth; None if there is none at all.
        title: Text above the image; may have several lines.

    Raises:
        ValueError: If a shape or the type of the image is wrong.

    Example:
        >>> image = np.zeros((6, 8, 3), np.uint8)
        >>> labels = np.eye(6, 8, dtype=np.uint8)
        >>> Overlay(image, labels, truth=None, title='polyp 7').title
        'polyp 7'
    """

    image: np.ndarray
    prediction: np.ndarray
    truth: np.ndarray | None
    title: str

    def __post_init__(self) -> None:
        maps = {'prediction': self.prediction, 'truth': self.truth}
        check_picture(self.image, maps, self.title)


def plot_overlays(
    rows: Sequence[Overlay],
    out: str | os.PathLike[str],
    classes: ClassColours | None = None,
) -> Path:
    """Draw each image alone, with its ground truth and with its prediction.

    The three panels of an image form a column. There are nine columns to a
    band, in the order given.

    Args:
        rows: Images to show.
        out: Name of the picture (.png, .svg or .pdf).
        classes: Names and colours of the classes. Without them class 0 is the
            background, and colours show the errors.

    Returns:
        The path written.

    Raises:
        ValueError: If ``rows`` is empty or the name has another ending.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> image = np.zeros((6, 8, 3), np.uint8)
        >>> labels = np.eye(6, 8, dtype=np.uint8)
        >>> row = Overlay(image, labels, labels, 'polyp 7')
        >>> with TemporaryDirectory() as folder:
        ...     plot_overlays([row], f'{folder}/overlays.svg').name
        'overlays.svg'
    """
    if not rows:
        raise ValueError(
            'rows: expected one or more images, got none. Skip the picture '
            'if there is nothing to show.'
        )
    num_columns = min(len(rows), _PER_BAND)
    num_bands = -(-len(rows) // _PER_BAND)
    figure = new_figure(
        max(4.5, 1.7 * num_columns + 0.4), 5.2 * num_bands + 0.5
    )
    grid = figure.subplots(3 * num_bands, num_columns, squeeze=False)
    for axes in grid.flat:
        panels.clear(axes)
    for index, row in enumerate(rows):
        band, column = divmod(index, _PER_BAND)
        _draw_column(grid[3 * band : 3 * band + 3, column], row, classes)
    for line, axes in enumerate(grid[:, 0]):
        axes.set_ylabel(_PANELS[line % 3], fontsize=9, color=INK)
    pairs = [(row.prediction, row.truth) for row in rows]
    add_legend(figure, panels.legend_handles(pairs, classes))
    return save_figure(figure, out, dpi=PHOTO_DPI)


def _draw_column(
    column: Sequence[Axes], row: Overlay, classes: ClassColours | None
) -> None:
    alone, with_truth, with_prediction = column
    panels.show(alone, row.image)
    lines = [shortened(t, _MOST_LETTERS) for t in row.title.splitlines()]
    alone.set_title('\n'.join(lines), fontsize=7, color=INK)
    panels.show_truth(with_truth, row.image, row.truth, classes)
    panels.show_prediction(
        with_prediction, row.image, row.prediction, row.truth, classes
    )
