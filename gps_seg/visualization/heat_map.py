# Copyright (c) gps_seg contributors. Apache-2.0.
"""A matrix as coloured cells with a number in each."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from gps_seg.visualization.palette import INK

_MAX_NUMBERED_CELLS = 240


def natural_order(text: str) -> list[tuple[bool, int, str]]:
    """Sort key that puts ``layers.2`` before ``layers.10``."""
    return [
        (part.isdigit(), int(part) if part.isdigit() else 0, part)
        for part in re.split(r'(\d+)', text)
    ]


def draw_heat_map(
    axes: Axes,
    cells: np.ndarray,  # shape: (num_rows, num_columns); NaN is left blank
    rows: Sequence[str],
    columns: Sequence[str],
    title: str,
    unit: str,
) -> None:
    """Draw a matrix, with the numbers written in unless there are too many.

    Args:
        axes: To draw into.
        cells: Not negative.
        rows: One label per row, from top to bottom.
        columns: One label per column.
        title: Above the matrix.
        unit: Unit at the colour bar.
    """
    top = np.nanmax(cells) if np.isfinite(cells).any() else 0.0
    image = axes.imshow(
        cells, cmap='viridis', vmin=0, vmax=top or 1.0, aspect='auto'
    )
    if cells.size <= _MAX_NUMBERED_CELLS:
        for (row, column), value in np.ndenumerate(cells):
            if np.isfinite(value):
                colour = 'black' if value > 0.6 * top else 'white'
                write_in_cell(axes, row, column, f'{value:.1f}', colour)
    axes.set_title(title, loc='left', fontsize=10, color=INK)
    axes.set_xticks(
        range(len(columns)), columns, fontsize=7, rotation=25, ha='right'
    )
    axes.set_yticks(range(len(rows)), rows, fontsize=7)
    axes.spines[:].set_visible(False)
    bar = axes.figure.colorbar(image, ax=axes, shrink=0.9, pad=0.01)
    bar.ax.tick_params(labelsize=7)
    bar.set_label(unit, fontsize=8, color=INK)


def write_in_cell(
    axes: Axes, row: int, column: int, text: str, colour: str
) -> None:
    """Write into the middle of a cell."""
    axes.text(
        column, row, text, ha='center', va='center', fontsize=7, color=colour
    )
