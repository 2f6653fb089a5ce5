# Copyright (c) gps_seg contributors. Apache-2.0.
"""The same images predicted by several models, one row per image."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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

_PANEL = 1.7  # inches wide
_MOST_LETTERS = 22  # of a name, as wide as a panel


@dataclass(frozen=True, eq=False)
class GridRow:
    """One image with its ground truth and predictions of several models.

    Args:
        image: RGB, uint8, shape (height, width, 3).
        truth: Labels, shape (height, width), ``UNKNOWN`` (255) where there is
            no ground truth; None if there is none at all.
        predictions: Labels by the name of the model, shape (height, width).
        title: Text at the left of the row; may have several lines.
        captions: Text below a panel, by the name of the model or ``'truth'``.

    Raises:
        ValueError: If a shape or the type of the image is wrong, there is no
            prediction, or a caption belongs to no panel.

    Example:
        >>> image = np.zeros((6, 8, 3), np.uint8)
        >>> labels = np.eye(6, 8, dtype=np.uint8)
        >>> row = GridRow(image, labels, {'gps': labels}, 'polyp 7')
        >>> list(row.predictions)
        ['gps']
    """

    image: np.ndarray
    truth: np.ndarray | None
    predictions: Mapping[str, np.ndarray]
    title: str = ''
    captions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        maps = {'truth': self.truth, **self.predictions}
        check_picture(self.image, maps, self.title)
        unknown = [name for name in self.captions if name not in maps]
        if unknown or not self.predictions:
            raise ValueError(
                'predictions: expected one or more, and captions of these, '
                f'got {[*self.predictions]} and captions of {unknown} '
                f'({self.title}).'
            )


def plot_prediction_grid(
    rows: Sequence[GridRow],
    out: str | os.PathLike[str],
    classes: ClassColours | None = None,
) -> Path:
    """Draw one row per image: the image, its ground truth, its predictions.

    Args:
        rows: Images to show; the models must be the same in each.
        out: Name of the picture (.png, .svg or .pdf).
        classes: Names and colours of the classes. Without them class 0 is the
            background, and colours show the errors.

    Returns:
        The path written.

    Raises:
        ValueError: If there are no rows, their models differ, or the name has
            another ending.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> image = np.zeros((6, 8, 3), np.uint8)
        >>> truth = np.eye(6, 8, dtype=np.uint8)
        >>> row = GridRow(image, truth, {'gps': truth}, 'polyp 7')
        >>> with TemporaryDirectory() as folder:
        ...     plot_prediction_grid([row], f'{folder}/grid.svg').name
        'grid.svg'
    """
    names = _names(rows)
    heights = [row.image.shape[0] / row.image.shape[1] for row in rows]
    inches = sum(_PANEL * height + 0.2 for height in heights)
    figure = new_figure(_PANEL * (2 + len(names)) + 0.5, inches + 0.6)
    grid = figure.subplots(
        len(rows), 2 + len(names), squeeze=False, height_ratios=heights
    )
    for line, row in zip(grid, rows, strict=True):
        _draw_row(line, row, classes)
    for axes, name in zip(
        grid[0], ['image', panels.TRUTH, *names], strict=True
    ):
        label = shortened(name, _MOST_LETTERS)
        axes.set_title(label, fontsize=9, color=INK)
    pairs = [(p, row.truth) for row in rows for p in row.predictions.values()]
    add_legend(figure, panels.legend_handles(pairs, classes))
    return save_figure(figure, out, dpi=PHOTO_DPI)


def _names(rows: Sequence[GridRow]) -> list[str]:
    """The models, which all rows have in common."""
    if not rows:
        raise ValueError(
            'rows: expected one or more images, got none. Skip the picture '
            'if there is nothing to show.'
        )
    names = [*rows[0].predictions]
    for row in rows:
        if [*row.predictions] != names:
            raise ValueError(
                f'rows: expected predictions of {names} for each image, got '
                f'{[*row.predictions]} ({row.title}). Predict each image with '
                'the same models, in the same order.'
            )
    return names


def _draw_row(
    line: Sequence[Axes], row: GridRow, classes: ClassColours | None
) -> None:
    alone, with_truth, *others = line
    panels.show(alone, row.image)
    lines = [shortened(t, _MOST_LETTERS) for t in row.title.splitlines()]
    alone.set_ylabel('\n'.join(lines), fontsize=7, color=INK)
    panels.show_truth(with_truth, row.image, row.truth, classes)
    for axes, (name, prediction) in zip(
        others, row.predictions.items(), strict=True
    ):
        panels.show_prediction(axes, row.image, prediction, row.truth, classes)
        caption = row.captions.get(name, '')
        axes.set_xlabel(caption, fontsize=8, color=INK, labelpad=3)
