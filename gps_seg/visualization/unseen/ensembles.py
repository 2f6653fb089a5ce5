# Copyright (c) gps_seg contributors. Apache-2.0.
"""Score of the models between a base and a tuned one, on each data set."""

from __future__ import annotations

import math
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gps_seg.visualization.comparison.rows import (
    MOST_LETTERS,
    Summary,
    score_ends,
    score_label,
)
from gps_seg.visualization.figure import new_figure, shortened, style_axes
from gps_seg.visualization.palette import INK, MUTED, PALETTE

_TUNED = 1.0
_MOST_COLUMNS = 4


def ensembles_figure(summary: Summary) -> Figure | None:
    """Draw the score against alpha in one panel per data set.

    The dotted line is the tuned model, alpha 1. Bars are the 95 % intervals of
    the differences to it.

    Args:
        summary: Summary of a test, with ``ensembles``.

    Returns:
        The figure; None if there are no ensembles.
    """
    rows = summary['ensembles']
    if not rows:
        return None
    columns = min(len(rows), _MOST_COLUMNS)
    height = math.ceil(len(rows) / columns)
    figure = new_figure(2.4 * columns + 0.6, 1.9 * height + 0.6)
    grid = figure.subplots(height, columns, sharex=True, squeeze=False)
    for axes, row in zip(grid.flat, rows, strict=False):
        style_axes(axes, shortened(row['set'], MOST_LETTERS))
        _draw(axes, row)
    for axes in grid.flat[len(rows) :]:
        axes.set_visible(False)
    for axes in grid.flat[max(0, len(rows) - columns) : len(rows)]:
        axes.tick_params(labelbottom=True)
    figure.supxlabel(
        'alpha (0: the weights of the base, 1: the tuned model)',
        fontsize=9,
        color=INK,
    )
    figure.supylabel(score_label(summary), fontsize=9, color=INK)
    return figure


def _draw(axes: Axes, row: dict[str, Any]) -> None:
    scores = dict(map(tuple, row['scores']))
    tuned = scores[_TUNED]
    axes.axhline(tuned, color=MUTED, linewidth=0.8, linestyle=':')
    axes.plot(*zip(*scores.items(), strict=True), color=PALETTE[0], lw=1.4)
    axes.plot([_TUNED], [tuned], 'o', ms=7, mec='white', color=PALETTE[0])
    differences = row['differences']
    others = [scores[each['alpha']] for each in differences]
    bars = [
        [each['mean'] - each['low'] for each in differences],
        [each['high'] - each['mean'] for each in differences],
    ]
    axes.errorbar(
        [each['alpha'] for each in differences],
        others,
        yerr=bars,
        fmt='o',
        ms=4,
        color=PALETTE[0],
        elinewidth=1.2,
    )
    axes.set_ylim(*score_ends([tuned, *others], [0.0, *map(max, *bars)]))
