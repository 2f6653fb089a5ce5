# Copyright (c) gps_seg contributors. Apache-2.0.
"""The same images predicted by every variant."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from gps_seg.visualization.images.class_colours import ClassColours
from gps_seg.visualization.images.prediction_grid import (
    GridRow,
    plot_prediction_grid,
)

_MOST_VARIANTS = 7  # beside one another


def chosen_images(scores: Mapping[str, float]) -> dict[str, str]:
    """The worst, the median and the best image of a variant.

    Args:
        scores: Score by image, one or more.

    Returns:
        ``'worst'``, ``'median'`` and ``'best'`` by image; fewer if there are
        not three images.

    Example:
        >>> chosen_images({'a': 90.0, 'b': 10.0, 'c': 70.0, 'd': 80.0})
        {'b': 'worst', 'd': 'median', 'a': 'best'}
    """
    order = sorted(scores, key=scores.__getitem__)
    names = {order[0]: 'worst', order[len(order) // 2]: 'median'}
    return {**names, order[-1]: 'best'}


def plot_images(
    rows: Sequence[GridRow],
    folder: str | os.PathLike[str],
    classes: ClassColours | None = None,
) -> list[Path]:
    """Draw the same images for every variant, as PNG and as SVG.

    The files are ``images.png`` and, with more than seven variants,
    ``images-2.png`` and so on. Choose the rows by :func:`chosen_images` of a
    reference.

    Args:
        rows: Images with their truth, and the predictions of all variants.
        folder: Folder of the pictures; created if missing.
        classes: Names and colours of the classes. Without them class 0 is the
            background, and colours show the errors.

    Returns:
        Paths of the PNG files; each SVG file lies beside its PNG file.

    Raises:
        ValueError: If there are no rows, or their variants differ.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> import numpy as np
        >>> image = np.zeros((6, 8, 3), np.uint8)
        >>> truth = np.eye(6, 8, dtype=np.uint8)
        >>> row = GridRow(image, truth, {'gps': truth}, 'polyp 7')
        >>> with TemporaryDirectory() as folder:
        ...     [path.name for path in plot_images([row], folder)]
        ['images.png']
    """
    names = list(rows[0].predictions) if rows else []
    paths = []
    for start in range(0, max(len(names), 1), _MOST_VARIANTS):
        page = [_part(row, start) for row in rows]
        number = f'-{1 + start // _MOST_VARIANTS}' if start else ''
        for ending in ('.svg', '.png'):
            path = Path(folder, f'images{number}{ending}')
            plot_prediction_grid(page, path, classes)
        paths.append(path)
    return paths


def _part(row: GridRow, start: int) -> GridRow:
    """The row with the variants of one page."""
    names = list(row.predictions)[start : start + _MOST_VARIANTS]
    return GridRow(
        row.image,
        row.truth,
        {name: row.predictions[name] for name in names},
        row.title,
        {
            name: text
            for name, text in row.captions.items()
            if name in names or name == 'truth'
        },
    )
