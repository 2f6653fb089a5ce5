# Copyright (c) gps_seg contributors. Apache-2.0.
"""Images with the outlines of their classes on one page."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from gps_seg.visualization.figure import (
    PHOTO_DPI,
    add_legend,
    new_figure,
    save_figure,
    shortened,
)
from gps_seg.visualization.images import panels
from gps_seg.visualization.images.class_colours import (
    UNKNOWN_GREY,
    ClassColours,
)
from gps_seg.visualization.images.contact_sheet import Tile, without_ignored
from gps_seg.visualization.images.label_maps import UNKNOWN
from gps_seg.visualization.palette import INK

_TILE = 2.6  # inches
_COLUMNS = 4
_MOST_LETTERS = 34  # of a title, as wide as a tile


def plot_outlines(
    tiles: Sequence[Tile],
    out: str | os.PathLike[str],
    classes: ClassColours,
    *,
    heading: str,
    background: bool = True,
) -> Path:
    """Draw every image with an outline around each of its classes.

    Ignored pixels are grey. A class that fills a whole image has no outline.

    Args:
        tiles: Images with labels, one or more, in reading order.
        out: Name of the picture (.png, .svg or .pdf).
        classes: Names and colours of the classes.
        heading: Text above the page.
        background: Whether class 0 is the background, which gets no outline.

    Returns:
        The path written.

    Raises:
        ValueError: If there are no tiles, one has no labels, or the name has
            another ending.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> labels = np.eye(6, 8, dtype=np.uint8)
        >>> tile = Tile(np.zeros((6, 8, 3), np.uint8), labels, 'a')
        >>> two = ClassColours(('sky', 'road'), ((9, 9, 9), (250, 0, 0)))
        >>> with TemporaryDirectory() as folder:
        ...     out = f'{folder}/found.svg'
        ...     plot_outlines([tile], out, two, heading='6 images').name
        'found.svg'
    """
    maps = [tile.labels for tile in tiles if tile.labels is not None]
    if not maps or len(maps) < len(tiles):
        raise ValueError(
            f'tiles: expected one or more images with labels, got '
            f'{len(tiles)} of which {len(maps)} have labels.'
        )
    num_columns = min(_COLUMNS, len(tiles))
    num_rows = -(-len(tiles) // num_columns)
    figure = new_figure(
        max(4.0, _TILE * num_columns), (_TILE + 0.2) * num_rows + 0.6
    )
    figure.suptitle(heading, fontsize=11, color=INK)
    grid = figure.subplots(num_rows, num_columns, squeeze=False)
    for axes in grid.flat:
        panels.clear(axes)
    for axes, tile, labels in zip(grid.flat, tiles, maps, strict=False):
        panels.show(axes, without_ignored(tile.image, labels))
        _outline(axes, labels, classes, first=int(background))
        lines = [shortened(t, _MOST_LETTERS) for t in tile.title.splitlines()]
        axes.set_title('\n'.join(lines), fontsize=8, color=INK, pad=3)
    add_legend(figure, _handles(maps, classes, background))
    return save_figure(figure, out, dpi=PHOTO_DPI)


def _outline(
    axes: Axes, labels: np.ndarray, classes: ClassColours, first: int
) -> None:
    """Draw the border of each class on a dark line, so that it stands out."""
    for index in np.unique(labels).tolist():
        inside = labels == index
        if not first <= index < len(classes.names) or inside.all():
            continue
        colour = [value / 255 for value in classes.colours[index]]
        for width, own in ((2.4, 'black'), (1.4, colour)):
            axes.contour(inside, levels=[0.5], colors=[own], linewidths=width)


def _handles(
    maps: Sequence[np.ndarray], classes: ClassColours, background: bool
) -> list[Patch]:
    """Legend entries for everything that occurs in the label maps."""
    if background:
        shown = [np.where(labels == 0, UNKNOWN, labels) for labels in maps]
    else:
        shown = list(maps)
    handles = classes.legend(shown)
    if any((labels == UNKNOWN).any() for labels in maps):
        grey = (UNKNOWN_GREY / 255,) * 3
        handles.append(Patch(facecolor=grey, label='ignored'))
    return handles
