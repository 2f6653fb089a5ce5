# Copyright (c) gps_seg contributors. Apache-2.0.
"""Score of a tuned model on each data set, with its interval."""

from __future__ import annotations

from matplotlib.figure import Figure

from gps_seg.visualization.comparison.rows import Summary, score_label
from gps_seg.visualization.figure import (
    new_figure,
    style_axes,
    write_beside,
)
from gps_seg.visualization.palette import INK, MUTED, PALETTE

_LETTER = 0.075  # inches
_NUMBER_ENDS = (28,)  # points right of the axes


def scores_figure(summary: Summary) -> Figure:
    """Draw the mean score on each data set, the own test images first.

    Bars are 95 % intervals over the images. The dotted line is the score on
    the own images.

    Args:
        summary: Summary of a test, with ``sets``.
    """
    rows, metric = summary['sets'], summary['metric']
    widest = max(len(row['set']) for row in rows)
    figure = new_figure(4.2 + _LETTER * widest, 0.27 * len(rows) + 0.8)
    axes = figure.subplots()
    style_axes(axes)
    for position, row in enumerate(rows):
        mean, low, high = row['per_image'][metric].values()
        axes.errorbar(
            mean,
            position,
            xerr=[[mean - low], [high - mean]],
            fmt='o',
            ms=6,
            color=PALETTE[0] if row['change'] else MUTED,
            mec='white',
            mew=0.7,
            elinewidth=1.5,
            zorder=3,
        )
        write_beside(axes, position, [f'{mean:.1f}'], _NUMBER_ENDS, INK)
    own = rows[0]['per_image'][metric]['mean']
    axes.axvline(own, color=MUTED, linewidth=0.8, linestyle=':')
    axes.set_yticks(range(len(rows)), [row['set'] for row in rows], fontsize=9)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis='y', length=0, pad=8)
    axes.set_xlabel(score_label(summary), fontsize=9, color=INK)
    return figure
