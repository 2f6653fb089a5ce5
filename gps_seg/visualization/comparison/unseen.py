# Copyright (c) gps_seg contributors. Apache-2.0.
"""Scores on unseen data sets, for each variant."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gps_seg.visualization.comparison.rows import (
    MOST_LETTERS,
    VALIDATION,
    Row,
    Summary,
    deviation,
    finished,
    main_spread,
    score_ends,
    score_label,
)
from gps_seg.visualization.figure import new_figure, shortened, style_axes
from gps_seg.visualization.palette import INK, MUTED, PALETTE

_LETTER = 0.075  # inches


def unseen_figure(summary: Summary) -> Figure | None:
    """Draw the scores on each data set, the validation images first.

    Variants are sorted by their mean over the unseen sets. Bars are standard
    deviations over the seeds.

    Args:
        summary: Summary of a comparison.

    Returns:
        The figure; None if there are no unseen data sets.
    """
    unseen = [name for name in summary['sets'] if name != VALIDATION]
    if not unseen:
        return None
    rows = sorted(
        finished(summary),
        key=lambda row: (
            -fmean(main_spread(summary, row, of)['mean'] for of in unseen)
        ),
    )
    names = [shortened(row['variant'], MOST_LETTERS) for row in rows]
    sets = [VALIDATION, *unseen]
    width = 2.3 * len(sets) + _LETTER * max(map(len, names)) + 0.4
    figure = new_figure(width, 0.27 * len(rows) + 1.2)
    grid = figure.subplots(1, len(sets), sharey=True, squeeze=False)[0]
    for axes, of in zip(grid, sets, strict=True):
        style_axes(axes, f'{of} ({summary["sets"][of]} images)')
        axes.title.set_fontsize(9)
        spreads = [main_spread(summary, row, of) for row in rows]
        _draw(axes, spreads, MUTED if of == VALIDATION else PALETTE[0])
    grid[0].set_yticks(range(len(rows)), names, fontsize=9)
    grid[0].set_ylim(len(rows) - 0.4, -0.6)
    figure.supxlabel(score_label(summary), fontsize=9, color=INK)
    return figure


def _draw(axes: Axes, spreads: Sequence[Row], colour: str) -> None:
    ends = score_ends(
        [spread['mean'] for spread in spreads], list(map(deviation, spreads))
    )
    axes.set_xlim(*ends)
    axes.tick_params(axis='y', length=0, pad=8)
    for position, spread in enumerate(spreads):
        below = spread['mean'] < ends[0]
        axes.errorbar(
            max(spread['mean'], ends[0]),
            position,
            xerr=None if below else deviation(spread) or None,
            fmt='<' if below else 'o',
            ms=6,
            color=colour,
            mec='white',
            mew=0.7,
            elinewidth=1.5,
            clip_on=not below,
            zorder=3,
        )
        if below:
            _write_score(axes, ends[0], position, spread['mean'])


def _write_score(axes: Axes, end: float, position: int, score: float) -> None:
    """Write a score that lies below the axis beside its lower end."""
    axes.annotate(
        f'{score:.1f}',
        (end, position),
        xytext=(7, 0),
        textcoords='offset points',
        va='center',
        fontsize=8,
        color=INK,
    )
