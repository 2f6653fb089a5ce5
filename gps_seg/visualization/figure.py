# Copyright (c) gps_seg contributors. Apache-2.0.
"""Figures without a display, and picture files that are whole or absent.

Figures are made as objects, not through ``pyplot``. So there is no global
state, no backend to choose and nothing to close, also in a training process.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from gps_seg.files import PICTURES, replacing
from gps_seg.visualization.palette import GRID, INK, MUTED

#: Dots per inch of a page of photographs.
PHOTO_DPI = 150
_DPI = 200
# Journals want fonts that can be edited (Type 42, not Type 3). A fixed salt
# and no date give the same file for the same figure.
_WRITING = {'pdf.fonttype': 42, 'svg.hashsalt': 'gps_seg'}
_NO_DATE = {'.svg': {'Date': None}, '.pdf': {'CreationDate': None}}


def new_figure(width: float, height: float) -> Figure:
    """Make an empty figure of ``width`` x ``height`` inches."""
    return Figure(
        figsize=(width, height), layout='constrained', facecolor='white'
    )


def style_axes(axes: Axes, title: str = '') -> None:
    """Style axes: light grid, no box, title on the left."""
    style_title(axes, title)
    axes.grid(True, color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[['top', 'right']].set_visible(False)
    axes.spines[['left', 'bottom']].set_color(MUTED)
    axes.tick_params(colors=INK, labelsize=8)


def style_title(axes: Axes, title: str) -> None:
    """Write the title of axes on the left."""
    axes.set_title(title, loc='left', fontsize=10, color=INK)


def add_legend(figure: Figure, handles: Sequence[Artist]) -> None:
    """Put a legend below everything else, if it has entries."""
    if not handles:
        return
    figure.legend(
        handles=handles,
        loc='outside lower center',
        ncols=max(2, min(len(handles), int(figure.get_figwidth() / 1.4))),
        frameon=False,
        fontsize=9,
    )


def write_beside(
    axes: Axes,
    position: float,
    texts: Sequence[str],
    ends: Iterable[float],
    colour: str,
) -> None:
    """Write numbers right of horizontal bars or dots, in columns.

    Args:
        axes: Axes whose rows stand at whole numbers.
        position: Row of the numbers.
        texts: Text of each column.
        ends: Right end of each column, in points from the axes.
        colour: Colour of the texts.
    """
    for text, end in zip(texts, ends, strict=True):
        axes.annotate(
            text,
            (1, position),
            xycoords=('axes fraction', 'data'),
            xytext=(end, 0),
            textcoords='offset points',
            ha='right',
            va='center',
            fontsize=8,
            color=colour,
        )


def percent_sign(scores: Iterable[float]) -> str:
    """Unit of an axis of scores.

    The metrics of OpenMMLab are percentages. Scores that never exceed 1 are
    taken as fractions.

    Example:
        >>> percent_sign([0.4, 81.0])
        ' (%)'
    """
    return ' (%)' if any(score > 1 for score in scores) else ''


def shortened(text: str, length: int) -> str:
    """Replace the middle of a text by an ellipsis if it is too long.

    Example:
        >>> shortened('cju14g8o4xui30878gkgbrvqj', 12)
        'cju14g…brvqj'
    """
    if len(text) <= length:
        return text
    tail = (length - 1) // 2
    return f'{text[: length - 1 - tail]}…{text[len(text) - tail :]}'


def save_figure(
    figure: Figure, out: str | os.PathLike[str], dpi: int = _DPI
) -> Path:
    """Write a figure as PNG, SVG or PDF, depending on the ending of its name.

    If writing fails, an existing file is unchanged. A missing folder is
    created. A PNG has three channels, without transparency.

    Args:
        figure: Figure to write.
        out: Name of the file.
        dpi: Dots per inch of a PNG, and of images inside an SVG or PDF.

    Returns:
        The path written.

    Raises:
        ValueError: If the name has another ending.
    """
    path = Path(out)
    suffix = path.suffix.lower()
    if suffix not in PICTURES:
        raise ValueError(
            f'picture: expected a name that ends in {", ".join(PICTURES)}, '
            f'got {path}. The ending chooses the format.'
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        write(figure, partial, suffix, dpi)
    return path


def save_as_png_and_svg(
    figure: Figure, folder: str | os.PathLike[str], name: str
) -> Path:
    """Write a figure as PNG and SVG; see :func:`save_figure`.

    Args:
        figure: Figure to write; its layout is fixed.
        folder: Folder of the pictures.
        name: Name of both files, without an ending.

    Returns:
        The path of the PNG.
    """
    figure.draw_without_rendering()
    figure.set_layout_engine('none')  # one layout for both files
    save_figure(figure, Path(folder, f'{name}.svg'))
    return save_figure(figure, Path(folder, f'{name}.png'))


def write(figure: Figure, path: Path, suffix: str, dpi: int) -> None:
    """Render a figure into a file."""
    options: dict[str, Any] = {'format': suffix[1:], 'dpi': dpi}
    if suffix in _NO_DATE:
        options['metadata'] = _NO_DATE[suffix]
    with rc_context(_WRITING):
        figure.savefig(path, **options)
    if suffix == '.png':
        with Image.open(path) as picture:
            opaque = picture.convert('RGB')
        opaque.save(path, format='png', dpi=(dpi, dpi), optimize=True)
