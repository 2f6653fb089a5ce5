# Copyright (c) gps_seg contributors. Apache-2.0.
"""Score against learning rate, for each variant."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from gps_seg.visualization.comparison.rows import Row, Summary
from gps_seg.visualization.comparison.small_panels import draw_panels
from gps_seg.visualization.figure import add_legend
from gps_seg.visualization.palette import PALETTE

_CHOSEN, _EDGE = PALETTE[0], PALETTE[4]


def rates_figure(summary: Summary) -> Figure | None:
    """Draw the scores of the tuned rates, and mark the chosen ones.

    Args:
        summary: Summary of a comparison.

    Returns:
        The figure; None if no rates were tuned.
    """
    rates: dict[str, Row] = summary['rates']
    if not rates:
        return None
    figure, panels = draw_panels(
        {name: row['scores'] for name, row in rates.items()},
        'learning rate multiplier',
        f'{summary["metric"]} on held-out training images (%)',
        scale='log',
    )
    grid = sorted(
        {rate for row in rates.values() for rate, _ in row['scores']}
    )
    for name, axes in panels.items():
        axes.xaxis.set_major_locator(FixedLocator(grid))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f'{x:g}'))
        _mark(axes, rates[name])
    add_legend(figure, _handles(rates))
    return figure


def _mark(axes: Axes, row: Row) -> None:
    bottom = axes.get_ylim()[0]
    for rate, score in row['scores']:
        below = score < bottom
        axes.plot(
            [rate],
            [max(score, bottom)],
            marker='v' if below else 'o',
            ms=4,
            color=_CHOSEN,
            clip_on=False,
            zorder=4,
        )
    scores = dict(map(tuple, row['scores']))
    axes.plot(
        [row['best']],
        [scores[row['best']]],
        marker='*',
        ms=13,
        color=_EDGE if row['edge'] else _CHOSEN,
        mec='white',
        zorder=5,
    )


def _handles(rates: dict[str, Row]) -> list[Line2D]:
    style = {'marker': '*', 'ms': 12, 'ls': '', 'mec': 'white'}
    handles = [Line2D([], [], color=_CHOSEN, label='chosen rate', **style)]
    if any(row['edge'] for row in rates.values()):
        label = 'chosen, at an edge of the grid'
        handles.append(Line2D([], [], color=_EDGE, label=label, **style))
    return handles
