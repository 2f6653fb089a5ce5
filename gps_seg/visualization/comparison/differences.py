# Copyright (c) gps_seg contributors. Apache-2.0.
"""Paired differences to each reference, with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gps_seg.visualization.comparison.rows import (
    MOST_LETTERS,
    VALIDATION,
    Row,
    Summary,
)
from gps_seg.visualization.figure import (
    add_legend,
    new_figure,
    shortened,
    style_axes,
    write_beside,
)
from gps_seg.visualization.palette import INK, MUTED, PALETTE

_BETTER, _WORSE, _OPEN = PALETTE[0], PALETTE[4], MUTED
_LETTER, _LEAST_WIDTH = 0.075, 6.6  # inches
_NUMBERS = 104  # right end of the numbers, points from the axes
_REACH = 4  # length of an axis, as a multiple of the middle row


def differences_figure(summary: Summary) -> Figure | None:
    """Draw the differences of the main metric on the validation images.

    One panel per reference, its best variant on top. A row is blue if its
    interval lies above 0 and red if it lies below. Differences far beyond all
    others are triangles at the end of the axis; the numbers show them. With
    one seed the dot is open: its interval is over images alone.

    Args:
        summary: Summary of a comparison.

    Returns:
        The figure; None if nothing was compared.
    """
    panels = {r: _rows(summary, r) for r in summary['references']}
    panels = {reference: rows for reference, rows in panels.items() if rows}
    if not panels:
        return None
    longest = max(
        len(shortened(row['variant'], MOST_LETTERS))
        for rows in panels.values()
        for row in rows
    )
    most = max(map(len, panels.values()))
    figure = new_figure(
        max(_LEAST_WIDTH, (4.4 + _LETTER * longest) * len(panels)),
        0.27 * most + 1.4,
    )
    grid = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, (reference, rows) in zip(grid, panels.items(), strict=True):
        _draw_panel(axes, reference, rows)
        label = f'difference in {summary["metric"]}, points (95 % interval)'
        axes.set_xlabel(label, fontsize=9, color=INK)
    add_legend(figure, _handles([r for rows in panels.values() for r in rows]))
    return figure


def _rows(summary: Summary, reference: str) -> list[Row]:
    rows = [
        row
        for row in summary['differences']
        if row['reference'] == reference
        and row['set'] == VALIDATION
        and row['metric'] == summary['metric']
    ]
    return sorted(rows, key=lambda row: -row['mean'])


def _draw_panel(axes: Axes, reference: str, rows: Sequence[Row]) -> None:
    style_axes(axes, f'compared with {shortened(reference, MOST_LETTERS)}')
    axes.grid(False, axis='y')
    axes.axvline(0, color=INK, lw=1)
    ends = _ends(rows)
    axes.set_xlim(*ends)
    for position, row in enumerate(rows):
        _draw_row(axes, position, row, ends)
        text = (
            f'{row["mean"]:+.2f}  [{row["low"]:+.2f}, {row["high"]:+.2f}]'
        ).replace('-', '\N{MINUS SIGN}')
        write_beside(axes, position, [text], [_NUMBERS], INK)
    names = [shortened(row['variant'], MOST_LETTERS) for row in rows]
    axes.set_yticks(range(len(rows)), names, fontsize=9)
    axes.tick_params(axis='y', length=0, pad=8)
    axes.set_ylim(len(rows) - 0.4, -0.6)


def _ends(rows: Sequence[Row]) -> tuple[float, float]:
    """Ends of an axis that leaves out differences far beyond all others."""
    extents = [max(abs(row['low']), abs(row['high'])) for row in rows]
    cap = max(_REACH * median(extents), 1.0)
    shown = [
        row for row, extent in zip(rows, extents, strict=True) if extent <= cap
    ]
    low = min([0.0, *(row['low'] for row in shown)])
    high = max([0.0, *(row['high'] for row in shown)])
    pad = 0.08 * max(high - low, 1.0)
    return low - pad, high + pad


def _draw_row(
    axes: Axes, position: int, row: Row, ends: tuple[float, float]
) -> None:
    colour, beyond = _colour(row), not ends[0] <= row['mean'] <= ends[1]
    axes.plot([row['low'], row['high']], [position] * 2, color=colour, lw=1.8)
    inside = min(max(row['mean'], ends[0]), ends[1])
    marker = 'o' if not beyond else '<' if row['mean'] < 0 else '>'
    axes.plot(
        [inside],
        [position],
        marker,
        ms=6.5,
        color=colour,
        mfc='white' if row['num_seeds'] == 1 else colour,
        clip_on=False,
        zorder=3,
    )


def _colour(row: Row) -> str:
    if row['low'] > 0:
        return _BETTER
    return _WORSE if row['high'] < 0 else _OPEN


def _handles(rows: Sequence[Row]) -> list[Line2D]:
    texts = {
        _BETTER: 'interval above 0',
        _OPEN: 'interval contains 0',
        _WORSE: 'interval below 0',
    }
    found = {_colour(row) for row in rows}
    handles = [
        Line2D([], [], color=colour, marker='o', lw=1.8, label=text)
        for colour, text in texts.items()
        if colour in found
    ]
    if any(row['num_seeds'] == 1 for row in rows):
        label = 'one seed'
        handles.append(
            Line2D([], [], color=INK, marker='o', mfc='white', ls='')
        )
        handles[-1].set_label(label)
    return handles
