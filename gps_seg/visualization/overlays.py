# Copyright (c) gps_seg contributors. Apache-2.0.
"""Predictions laid over their images: where a segmentor is right and wrong."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from gps_seg.visualization.class_colours import ClassColours
from gps_seg.visualization.figure import INK, new_figure, save_png
from gps_seg.visualization.foreground import (
    OUTLINE,
    UNKNOWN,
    draw_outline,
)

# Of the palette by Okabe and Ito those that every kind of colour blindness
# tells from mucosa and from each other. What is right needs no colour: it is
# the rest of what the outline encloses.
FALSE_POSITIVE, FALSE_NEGATIVE = 'false positive', 'false negative'
UNCHECKED = 'prediction, no ground truth'
COLOURS = {
    FALSE_POSITIVE: '#F0E442',
    FALSE_NEGATIVE: '#0072B2',
    UNCHECKED: '#56B4E9',
}
_PANELS = ('image', 'ground truth', 'prediction')
_PER_BAND = 9
_OPACITY = 0.55


@dataclass(frozen=True)
class Overlay:
    """One image with its prediction.

    Args:
        image: RGB, uint8, shape (height, width, 3).
        prediction: Labels, shape (height, width); 0 is background.
        truth: Labels, shape (height, width), ``UNKNOWN`` where that is so;
            None if there is no ground truth.
        title: Text over the image.

    Raises:
        ValueError: If shapes or the type of the image are wrong.
    """

    image: np.ndarray
    prediction: np.ndarray
    truth: np.ndarray | None
    title: str

    def __post_init__(self) -> None:
        size = self.image.shape[:2]
        maps = [self.prediction]
        maps += [] if self.truth is None else [self.truth]
        if self.image.dtype != np.uint8 or self.image.shape != (*size, 3):
            raise ValueError(
                'image: expected uint8 of shape (height, width, 3), got '
                f'{self.image.dtype} of {self.image.shape} ({self.title}).'
            )
        if any(labels.shape != size for labels in maps):
            raise ValueError(
                f'label maps: expected the size {size} of the image, got '
                f'{[labels.shape for labels in maps]} ({self.title}). Resize '
                'them first.'
            )


def plot_overlays(
    rows: Sequence[Overlay],
    out_png: str | os.PathLike[str],
    classes: ClassColours | None = None,
) -> Path:
    """Draw each image three times: alone, with its truth, its prediction.

    Images stand side by side in the order given, nine to a band.

    Args:
        rows: Images to show.
        out_png: Where the picture goes.
        classes: Their colours. Without them the first class is a background,
            and colours show what is wrong.

    Returns:
        The path written.

    Raises:
        ValueError: If ``rows`` is empty or ``out_png`` is not named ``.png``.
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
        axes.axis('off')
    for index, row in enumerate(rows):
        band, column = divmod(index, _PER_BAND)
        _draw_column(grid[3 * band : 3 * band + 3, column], row, classes)
    for line, axes in enumerate(grid[:, 0]):
        _name_line(axes, _PANELS[line % 3])
    _add_legend(figure, _handles(rows, classes))
    return save_png(figure, out_png, dpi=110)


def paint(
    image: np.ndarray,  # shape: (height, width, 3)
    prediction: np.ndarray,  # shape: (height, width)
    truth: np.ndarray | None,  # shape: (height, width)
) -> np.ndarray:  # shape: (height, width, 3)
    """``image`` with the wrong pixels of the foreground in colour.

    A pixel is a false positive if a foreground class is predicted and wrong,
    a false negative if the background is predicted and wrong. What is right,
    and what is unknown, stays as it is. Without a ground truth the prediction
    has a colour of its own.
    """
    if truth is None:
        masks = {UNCHECKED: prediction > 0}
    else:
        wrong = (truth != UNKNOWN) & (prediction != truth)
        masks = {
            FALSE_POSITIVE: wrong & (prediction > 0),
            FALSE_NEGATIVE: wrong & (prediction == 0),
        }
    painted = image.astype(np.float32)
    for name, mask in masks.items():
        colour = np.array(_rgb(COLOURS[name]), dtype=np.float32)
        painted[mask] = (1 - _OPACITY) * painted[mask] + _OPACITY * colour
    return painted.round().astype(np.uint8)


def _draw_column(
    column: Sequence[Axes], row: Overlay, classes: ClassColours | None
) -> None:
    alone, with_truth, with_prediction = column
    alone.imshow(row.image)
    alone.set_title(row.title, fontsize=8, color=INK)
    if row.truth is None:
        with_truth.imshow(row.image)
        _say_no_truth(with_truth)
    elif classes is None:
        with_truth.imshow(row.image)
        draw_outline(with_truth, row.truth, width=1.4)
        draw_outline(with_prediction, row.truth, width=0.9)
    else:
        with_truth.imshow(classes.paint(row.image, row.truth))
    with_prediction.imshow(
        paint(row.image, row.prediction, row.truth)
        if classes is None
        else classes.paint(row.image, row.prediction)
    )


def _say_no_truth(axes: Axes) -> None:
    axes.text(
        0.5,
        0.5,
        'no ground truth',
        transform=axes.transAxes,
        ha='center',
        fontsize=9,
        color=INK,
        bbox={'facecolor': 'white', 'edgecolor': 'none', 'alpha': 0.8},
    )


def _name_line(axes: Axes, name: str) -> None:
    axes.text(
        -0.06,
        0.5,
        name,
        transform=axes.transAxes,
        rotation=90,
        ha='right',
        va='center',
        fontsize=9,
        color=INK,
    )


def _handles(
    rows: Sequence[Overlay], classes: ClassColours | None
) -> list[Patch]:
    if classes is not None:
        maps = [m for row in rows for m in (row.truth, row.prediction)]
        return classes.legend(m for m in maps if m is not None)
    absent = {UNCHECKED} if all(r.truth is not None for r in rows) else set()
    outline = Patch(facecolor='none', edgecolor=OUTLINE, label='ground truth')
    return [
        outline,
        *(
            Patch(facecolor=colour, label=name)
            for name, colour in COLOURS.items()
            if name not in absent
        ),
    ]


def _add_legend(figure: Figure, handles: list[Patch]) -> None:
    figure.legend(
        handles=handles,
        loc='outside lower center',
        ncols=max(2, min(len(handles), int(figure.get_figwidth() / 1.7))),
        frameon=False,
        fontsize=9,
    )


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(colour.removeprefix('#'))
    return red, green, blue
