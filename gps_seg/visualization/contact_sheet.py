# Copyright (c) gps_seg contributors. Apache-2.0.
"""Many small images with their labels on one page, to see what trains."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from gps_seg.visualization.class_colours import ClassColours
from gps_seg.visualization.figure import INK, new_figure, save_png
from gps_seg.visualization.foreground import (
    OUTLINE,
    UNKNOWN,
    draw_outline,
    is_foreground,
)

FILL_OPACITY = 0.2
IGNORED_GREY = 150
TILE_INCHES = 1.75


@dataclass(frozen=True)
class Tile:
    """One image with its labels.

    Args:
        image: RGB, uint8, shape (height, width, 3).
        labels: Label map, shape (height, width), ``UNKNOWN`` where ignored;
            None for an image that has one label, which belongs into the
            title.
        title: Text over the image.

    Raises:
        ValueError: If the shapes do not fit or the image is not uint8.
    """

    image: np.ndarray
    labels: np.ndarray | None
    title: str

    def __post_init__(self) -> None:
        map_or_image = self.image if self.labels is None else self.labels
        expected = (*map_or_image.shape[:2], 3)
        if self.image.shape != expected or self.image.dtype != np.uint8:
            raise ValueError(
                f'tile: expected a uint8 image of shape {expected}, as the '
                f'labels have, got {self.image.dtype} of {self.image.shape} '
                f'({self.title}). Resize first, and leave normalisation to '
                f'the data preprocessor.'
            )


def plot_contact_sheet(
    tiles: Sequence[Tile],
    out_png: str | os.PathLike[str],
    *,
    heading: str,
    num_columns: int = 6,
    classes: ClassColours | None = None,
    foreground: str = 'polyp',
) -> Path:
    """Draw every tile with its labels.

    Classes are drawn in their colours. Without these the labels are an object
    on a background (0), with an outline and a translucent fill.

    Args:
        tiles: Images to show, one or more, in reading order.
        out_png: Where the picture goes.
        heading: Text over the page.
        num_columns: Tiles side by side.
        classes: Their colours.
        foreground: What the object is, where there are no colours.

    Returns:
        The path written.

    Raises:
        ValueError: If there are no tiles or ``out_png`` is not named
            ``.png``.
    """
    if not tiles:
        raise ValueError('tiles: expected one or more images, got none.')
    num_columns = min(num_columns, len(tiles))
    num_rows = -(-len(tiles) // num_columns)
    figure = new_figure(
        max(4.0, TILE_INCHES * num_columns),
        (TILE_INCHES + 0.3) * num_rows + 0.6,
    )
    figure.suptitle(heading, fontsize=11, color=INK)
    grid = figure.subplots(num_rows, num_columns, squeeze=False)
    for axes in grid.flat:
        axes.axis('off')
    for axes, tile in zip(grid.flat, tiles, strict=False):
        _draw(axes, tile, classes)
    maps = [tile.labels for tile in tiles if tile.labels is not None]
    if classes is not None:
        _add_legend(figure, classes.legend(maps))
    elif maps:
        _add_legend(figure, _foreground_handles(foreground))
    return save_png(figure, out_png, dpi=140)


def tint(
    image: np.ndarray,  # shape: (height, width, 3)
    labels: np.ndarray,  # shape: (height, width)
) -> np.ndarray:  # shape: (height, width, 3)
    """``image`` with its foreground tinted and its ignored pixels grey."""
    foreground = is_foreground(labels)
    colour = 255 * np.array(to_rgb(OUTLINE), np.float32)
    tinted = image.astype(np.float32)
    tinted[foreground] += FILL_OPACITY * (colour - tinted[foreground])
    tinted[labels == UNKNOWN] = IGNORED_GREY
    return tinted.round().astype(np.uint8)


def foreground_share(labels: np.ndarray) -> float:
    """Foreground pixels as a share of those that are not ignored."""
    known = labels != UNKNOWN
    return float((labels[known] > 0).mean()) if known.any() else 0.0


def _draw(axes: Axes, tile: Tile, classes: ClassColours | None) -> None:
    title = tile.title
    if tile.labels is None:
        axes.imshow(tile.image)
    elif classes is not None:
        axes.imshow(classes.paint(tile.image, tile.labels))
    else:
        axes.imshow(tint(tile.image, tile.labels))
        draw_outline(axes, tile.labels, width=1.2)
        title = f'{title}\n{foreground_share(tile.labels):.1%}'
    axes.set_title(title, fontsize=6.5, color=INK, pad=3)


def _foreground_handles(foreground: str) -> list[Patch]:
    return [
        Patch(
            facecolor=(*to_rgb(OUTLINE), FILL_OPACITY),
            edgecolor=OUTLINE,
            label=f'{foreground} (share of the pixels over each image)',
        ),
        Patch(
            facecolor=(IGNORED_GREY / 255,) * 3,
            label='outside the image, ignored',
        ),
    ]


def _add_legend(figure: Figure, handles: list[Patch]) -> None:
    figure.legend(
        handles=handles,
        loc='outside lower center',
        ncols=min(len(handles), max(2, int(figure.get_figwidth() / 1.5))),
        fontsize=8,
        frameon=False,
    )
