# Copyright (c) gps_seg contributors. Apache-2.0.
"""A page that shows what was found."""

from pathlib import Path

from gps_seg.datasets.own_folder import Found, examples
from gps_seg.visualization import ClassColours, Tile, plot_outlines


def draw_found(found: Found, out: Path) -> Path:
    """Draw a few images with the outlines of their classes.

    Args:
        found: Images and masks.
        out: Name of the picture.

    Returns:
        The path written.
    """
    return plot_outlines(
        [Tile(*example) for example in examples(found)],
        out,
        ClassColours(found.classes, found.palette),
        heading=f'{len(found.pairs):,} images in {found.images}',
        background=found.background,
    )
