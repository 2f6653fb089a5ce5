# Copyright (c) gps_seg contributors. Apache-2.0.
"""Many small images with their masks on one page, to see what trains."""

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

from gps_seg.visualization.figure import INK, new_figure, save_png

IGNORE_INDEX = 255
OUTLINE = '#00E5FF'  # stands out on the pinks and reds of endoscopy
FILL_OPACITY = 0.2
IGNORED_GREY = 150
TILE_INCHES = 1.75


@dataclass(frozen=True)
class Tile:
    """One image with its mask.

    Args:
        image: RGB, uint8, shape (height, width, 3).
        labels: shape (height, width); 0 is background, 255 is ignored.
        title: Text over the image.

    Raises:
        ValueError: If the shapes do not fit or the image is not uint8.
    """

    image: np.ndarray
    labels: np.ndarray
    title: str

    def __post_init__(self) -> None:
        expected = (*self.labels.shape, 3)
        if self.image.shape != expected or self.image.dtype != np.uint8:
            raise ValueError(
                f'tile: expected a uint8 image of shape {expected}, as the '
                f'labels have, got {self.image.dtype} of {self.image.shape} '
                f'({self.title}). Resize first, and leave normalisation to '
                f'the data preprocessor.'
            )

    @property
    def foreground_share(self) -> float:
        """Foreground pixels as a share of those that are not ignored."""
        known = self.labels != IGNORE_INDEX
        return float((self.labels[known] > 0).mean()) if known.any() else 0.0


def plot_contact_sheet(
    tiles: Sequence[Tile],
    out_png: str | os.PathLike[str],
    *,
    heading: str,
    num_columns: int = 6,
) -> Path:
    """Draw every tile with its mask as an outline and a translucent fill.

    Args:
        tiles: Images to show, one or more, in reading order.
        out_png: Where the picture goes.
        heading: Text over the page.
        num_columns: Tiles side by side.

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
        _draw(axes, tile)
    _add_legend(figure)
    return save_png(figure, out_png, dpi=140)


def tint(
    image: np.ndarray,  # shape: (height, width, 3)
    labels: np.ndarray,  # shape: (height, width)
) -> np.ndarray:  # shape: (height, width, 3)
    """``image`` with its foreground tinted and its ignored pixels grey."""
    foreground = (labels > 0) & (labels != IGNORE_INDEX)
    colour = 255 * np.array(to_rgb(OUTLINE), np.float32)
    tinted = image.astype(np.float32)
    tinted[foreground] += FILL_OPACITY * (colour - tinted[foreground])
    tinted[labels == IGNORE_INDEX] = IGNORED_GREY
    return tinted.round().astype(np.uint8)


def _draw(axes: Axes, tile: Tile) -> None:
    axes.imshow(tint(tile.image, tile.labels))
    foreground = (tile.labels > 0) & (tile.labels != IGNORE_INDEX)
    if foreground.any() and not foreground.all():
        axes.contour(foreground, levels=[0.5], colors=OUTLINE, linewidths=1.2)
    axes.set_title(
        f'{tile.title}\n{tile.foreground_share:.1%}',
        fontsize=6.5,
        color=INK,
        pad=3,
    )


def _add_legend(figure: Figure) -> None:
    grey = (IGNORED_GREY / 255,) * 3
    figure.legend(
        handles=[
            Patch(
                facecolor=(*to_rgb(OUTLINE), FILL_OPACITY),
                edgecolor=OUTLINE,
                label='polyp (share of the pixels over each image)',
            ),
            Patch(facecolor=grey, label='outside the image, ignored'),
        ],
        loc='outside lower center',
        ncols=2,
        fontsize=8,
        frameon=False,
    )
