# Copyright (c) gps_seg contributors. Apache-2.0.
"""Scores of weight-space ensembles on unseen against validation images."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gps_seg.visualization.comparison.rows import (
    MOST_LETTERS,
    VALIDATION,
    Summary,
    score_ends,
    score_label,
)
from gps_seg.visualization.figure import new_figure, shortened, style_axes
from gps_seg.visualization.palette import INK, PALETTE, PLAIN

_TUNED = 1.0
#: Alpha, and the scores on validation and unseen images.
_Path = Sequence[tuple[float, float, float]]


def ensembles_figure(summary: Summary) -> Figure | None:
    """Draw a line along alpha for each variant, from base to tuned model.

    One panel per unseen data set. A row of panels has as many coloured lines
    as there are colours; the other variants are grey. A large dot is the tuned
    model. Scores far below all others lie outside of the axes.

    Args:
        summary: Summary of a comparison.

    Returns:
        The figure; None if there are no ensembles or no unseen data sets.
    """
    paths = _paths(summary)
    if not paths:
        return None
    names = list(next(iter(paths.values())))
    count = math.ceil(len(names) / len(PALETTE))
    figure = new_figure(3.3 * len(paths) + 1.9, 3.0 * count + 0.5)
    grid = figure.subplots(count, len(paths), sharey='col', squeeze=False)
    for number, row in enumerate(grid):
        start = number * len(PALETTE)
        shown = names[start : start + len(PALETTE)]
        colours = dict(zip(shown, PALETTE, strict=False))
        for axes, (of, lines) in zip(row, paths.items(), strict=True):
            style_axes(axes)
            axes.set_ylabel(of, fontsize=9, color=INK)
            _draw(axes, lines, colours)
        _name(row[-1], colours)
    label = f'{score_label(summary)} on validation images'
    figure.supxlabel(f'{label}; large dot: tuned model', fontsize=9, color=INK)
    return figure


def _paths(summary: Summary) -> dict[str, dict[str, _Path]]:
    """Line of each variant, by unseen data set."""
    ensembles = summary['ensembles']
    if not ensembles or not ensembles['rows']:
        return {}
    scores = {
        (row['variant'], row['set']): dict(map(tuple, row['scores']))
        for row in ensembles['rows']
    }
    return {
        of: {
            name: [
                (alpha, scores[name, VALIDATION][alpha], score)
                for alpha, score in by_alpha.items()
            ]
            for (name, other), by_alpha in scores.items()
            if other == of
        }
        for of in summary['sets']
        if of != VALIDATION
    }


def _draw(
    axes: Axes, lines: Mapping[str, _Path], colours: Mapping[str, str]
) -> None:
    points = [point for line in lines.values() for point in line]
    axes.set_xlim(*score_ends([x for _, x, _ in points]))
    axes.set_ylim(*score_ends([y for _, _, y in points]))
    for name, line in lines.items():
        colour = colours.get(name, PLAIN)
        front = 3 if name in colours else 1
        across, up = [x for _, x, _ in line], [y for _, _, y in line]
        axes.plot(
            across, up, marker='o', ms=3, lw=1.4, color=colour, zorder=front
        )
        tuned = [(x, y) for alpha, x, y in line if alpha == _TUNED]
        axes.plot(
            *zip(*tuned, strict=True),
            marker='o',
            ms=8,
            mec='white',
            color=colour,
            zorder=front + 1,
        )


def _name(axes: Axes, colours: Mapping[str, str]) -> None:
    """Name the coloured lines of a row on its right."""
    axes.legend(
        handles=[
            Line2D([], [], color=colour, label=shortened(name, MOST_LETTERS))
            for name, colour in colours.items()
        ],
        loc='center left',
        bbox_to_anchor=(1.02, 0.5),
        frameon=False,
        fontsize=8,
    )
