# Copyright (c) gps_seg contributors. Apache-2.0.
"""Matrices as coloured cells, with a number in each if there is room."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from gps_seg.visualization.figure import style_title
from gps_seg.visualization.palette import EMPTY, INK

_COLOURS = 'Blues'
_MOST_NUMBERS = 400
_DARK = 0.55  # share of the range above which text is white


def draw_heat_map(
    axes: Axes,
    cells: np.ndarray,  # shape: (num_rows, num_columns); NaN is left blank
    title: str,
    unit: str,
    extent: tuple[float, float] | None = None,
    low: float = 0.0,
) -> None:
    """Draw a matrix of values with a colour bar.

    Args:
        axes: Axes to draw into.
        cells: Values, not negative.
        title: Title above the matrix.
        unit: Label of the colour bar.
        extent: Numbers of rows and columns on the axes; None for those of
            ``cells``.
        low: Start of the colour bar.
    """
    top = _top(cells)
    rows, columns = extent or cells.shape
    image = axes.imshow(
        cells,
        cmap=_COLOURS,
        vmin=low,
        vmax=top if top > low else low + 1.0,
        aspect='auto',
        interpolation='nearest',
        extent=None if extent is None else (0, columns, rows, 0),
    )
    axes.set_facecolor(EMPTY)
    style_title(axes, title)
    axes.tick_params(labelsize=8, colors=INK, length=2)
    axes.spines[:].set_visible(False)
    whole = bool((cells[np.isfinite(cells)] % 1 == 0).all())
    ticks = MaxNLocator(5, integer=whole)
    bar = axes.figure.colorbar(image, ax=axes, pad=0.015, ticks=ticks)
    bar.ax.tick_params(labelsize=8, colors=INK)
    bar.outline.set_visible(False)
    bar.set_label(unit, fontsize=8, color=INK)


def name_cells(
    axes: Axes, rows: Sequence[str], columns: Sequence[str]
) -> None:
    """Name rows, from top to bottom, and columns of a heat map."""
    axes.set_yticks(range(len(rows)), rows)
    turned = any(len(name) > 12 for name in columns)
    axes.set_xticks(
        range(len(columns)),
        columns,
        rotation=25 if turned else 0,
        ha='right' if turned else 'center',
    )


def number_cells(
    axes: Axes,
    cells: np.ndarray,
    texts: Sequence[Sequence[str]],
    low: float = 0.0,
) -> None:
    """Write a text into each cell with a value, unless there are too many."""
    if cells.size > _MOST_NUMBERS:
        return
    dark_from = low + _DARK * (_top(cells) - low)
    for (row, column), value in np.ndenumerate(cells):
        text = texts[row][column]
        if text:
            dark = np.isfinite(value) and value > dark_from
            axes.text(
                column,
                row,
                text,
                ha='center',
                va='center',
                fontsize=8,
                color='white' if dark else INK,
            )


def _top(cells: np.ndarray) -> float:
    """The largest value; 0 if there is none."""
    return float(np.nanmax(cells)) if np.isfinite(cells).any() else 0.0
