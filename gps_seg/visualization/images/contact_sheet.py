# Copyright (c) gps_seg contributors. Apache-2.0.
"""Many small images with their labels on one page, to check the data."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
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
from gps_seg.visualization.images.label_maps import (
    UNKNOWN,
    check_picture,
    foreground_share,
    has_outline,
)
from gps_seg.visualization.palette import INK

_TILE = 1.75  # inches
_MOST_LETTERS = 30  # of a title, as wide as a tile


@dataclass(frozen=True, eq=False)
class Tile:
    """One image with its labels.

    Args:
        image: RGB, uint8, shape (height, width, 3).
        labels: Label map, shape (height, width), ``UNKNOWN`` (255) where
            ignored; None for an image with a single label, which belongs in
            the title.
        title: Text above the image; may have several lines.

    Raises:
        ValueError: If the shapes do not fit or the image is not uint8.

    Example:
        >>> Tile(np.zeros((6, 8, 3), np.uint8), None, 'a rose').title
        'a rose'
    """

    image: np.ndarray
    labels: np.ndarray | None
    title: str

    def __post_init__(self) -> None:
        check_picture(self.image, {'labels': self.labels}, self.title)


def plot_contact_sheet(
    tiles: Sequence[Tile],
    out: str | os.PathLike[str],
    *,
    heading: str,
    num_columns: int = 6,
    classes: ClassColours | None = None,
    foreground: str = 'polyp',
) -> Path:
    """Draw every tile with its labels.

    Classes are drawn in their colours. Without colours, the labels are taken
    as an object on a background (0). The object is outlined, and its share of
    the pixels is added to the title of the tile.

    Args:
        tiles: Images to show, one or more, in reading order.
        out: Name of the picture (.png, .svg or .pdf).
        heading: Text above the page.
        num_columns: Number of tiles side by side.
        classes: Names and colours of the classes.
        foreground: Name of the object; used without ``classes``.

    Returns:
        The path written.

    Raises:
        ValueError: If there are no tiles or the name has another ending.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> tile = Tile(np.zeros((6, 8, 3), np.uint8), None, 'a rose')
        >>> with TemporaryDirectory() as folder:
        ...     out = f'{folder}/sheet.svg'
        ...     plot_contact_sheet([tile], out, heading='train').name
        'sheet.svg'
    """
    if not tiles:
        raise ValueError('tiles: expected one or more images, got none.')
    num_columns = min(num_columns, len(tiles))
    num_rows = -(-len(tiles) // num_columns)
    figure = new_figure(
        max(4.0, _TILE * num_columns), (_TILE + 0.3) * num_rows + 0.6
    )
    figure.suptitle(heading, fontsize=11, color=INK)
    grid = figure.subplots(num_rows, num_columns, squeeze=False)
    for axes in grid.flat:
        panels.clear(axes)
    for axes, tile in zip(grid.flat, tiles, strict=False):
        _draw(axes, tile, classes, foreground)
    maps = [tile.labels for tile in tiles if tile.labels is not None]
    if classes is not None:
        add_legend(figure, classes.legend(maps))
    else:
        add_legend(figure, _handles(maps, foreground))
    return save_figure(figure, out, dpi=PHOTO_DPI)


def without_ignored(
    image: np.ndarray,  # shape: (height, width, 3)
    labels: np.ndarray,  # shape: (height, width)
) -> np.ndarray:  # shape: (height, width, 3)
    """Paint the ignored pixels of an image grey."""
    shown = image.copy()
    shown[labels == UNKNOWN] = UNKNOWN_GREY
    return shown


def _draw(
    axes: Axes, tile: Tile, classes: ClassColours | None, foreground: str
) -> None:
    title = [shortened(t, _MOST_LETTERS) for t in tile.title.splitlines()]
    if tile.labels is None:
        panels.show(axes, tile.image)
    elif classes is not None:
        panels.show(axes, classes.paint(tile.image, tile.labels))
    else:
        panels.show(axes, without_ignored(tile.image, tile.labels))
        panels.outline(axes, tile.labels, width=1.2)
        share = 100 * foreground_share(tile.labels)
        title.append(f'{share:.1f} % {foreground}')
    axes.set_title('\n'.join(title), fontsize=7, color=INK, pad=3)


def _handles(maps: Sequence[np.ndarray], foreground: str) -> list[Patch]:
    """Legend entries for everything that occurs in the label maps."""
    handles = []
    if any(map(has_outline, maps)):
        label = f'{foreground} (percent of pixels in the titles)'
        handles.append(panels.outline_handle(label))
    if any((labels == UNKNOWN).any() for labels in maps):
        grey = (UNKNOWN_GREY / 255,) * 3
        handles.append(
            Patch(facecolor=grey, label='outside the image, ignored')
        )
    return handles
