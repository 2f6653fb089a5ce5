# Copyright (c) gps_seg contributors. Apache-2.0.
"""One small panel per variant, with the lines of all others in grey."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gps_seg.visualization.comparison.rows import MOST_LETTERS, score_ends
from gps_seg.visualization.figure import new_figure, shortened, style_axes
from gps_seg.visualization.palette import INK, PALETTE, PLAIN

Line = Sequence[tuple[float, float]]
_MOST_COLUMNS = 5


def draw_panels(
    lines: Mapping[str, Line], across: str, up: str, scale: str = 'linear'
) -> tuple[Figure, dict[str, Axes]]:
    """Draw a line of scores in one panel per variant, on common axes.

    Args:
        lines: Points of the line of each variant, one or more.
        across: Label of the horizontal axes.
        up: Label of the vertical axes.
        scale: Scale of the horizontal axes.

    Returns:
        The figure, and the axes of each variant.
    """
    columns = min(len(lines), _MOST_COLUMNS)
    rows = math.ceil(len(lines) / columns)
    figure = new_figure(2.15 * columns + 0.7, 1.75 * rows + 0.75)
    grid = figure.subplots(
        rows, columns, sharex=True, sharey=True, squeeze=False
    )
    ends = score_ends([y for line in lines.values() for _, y in line])
    panels = dict(zip(lines, grid.flat, strict=False))
    for name, axes in panels.items():
        style_axes(axes)
        axes.set_title(
            shortened(name, MOST_LETTERS), loc='left', fontsize=8, color=INK
        )
        axes.set_xscale(scale)
        axes.set_ylim(*ends)
        for other, line in lines.items():
            if other != name:
                _draw(axes, line, color=PLAIN, lw=0.8, zorder=1)
        _draw(axes, lines[name], color=PALETTE[0], lw=1.8, zorder=3)
    for axes in grid.flat[len(lines) :]:
        axes.set_visible(False)
    for axes in _lowest(grid, len(lines)):
        axes.tick_params(labelbottom=True)
        axes.set_xlabel(across, fontsize=8, color=INK)
    figure.supylabel(up, fontsize=9, color=INK)
    return figure, panels


def _draw(axes: Axes, line: Line, **style) -> None:
    # A line of one point would not be seen.
    marker = 'o' if len(line) == 1 else None
    axes.plot(
        [x for x, _ in line],
        [y for _, y in line],
        marker=marker,
        ms=5,
        **style,
    )


def _lowest(grid, count: int) -> Iterator[Axes]:
    """The lowest panel of each column that is in use."""
    rows, columns = grid.shape
    for column in range(columns):
        used = [r for r in range(rows) if r * columns + column < count]
        yield grid[used[-1], column]
