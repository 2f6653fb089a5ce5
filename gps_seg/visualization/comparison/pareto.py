# Copyright (c) gps_seg contributors. Apache-2.0.
"""Score against cost: which variants no other one beats in both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gps_seg.visualization.comparison.labels import name_points
from gps_seg.visualization.comparison.rows import (
    MOST_LETTERS,
    Row,
    Summary,
    deviation,
    finished,
    main_spread,
    score_ends,
    score_label,
)
from gps_seg.visualization.figure import (
    add_legend,
    new_figure,
    shortened,
    style_axes,
)
from gps_seg.visualization.palette import INK, MUTED, PALETTE

_FRONT, _OTHER = PALETTE[0], MUTED


def _peak(row: Row) -> float | None:
    peak = row['costs'].get('peak_bytes')
    return None if peak is None else peak / 2**20


#: Label, scale and value of the horizontal axis of each panel.
_PANELS: list[tuple[str, str, Callable[[Row], float | None]]] = [
    ('trained values', 'log', lambda row: row['trained']),
    ('step time, ratio', 'linear', lambda row: row['costs'].get('step_ratio')),
    ('peak memory, MiB', 'linear', _peak),
]


class _Point(NamedTuple):
    name: str
    cost: float
    score: float
    sd: float


def pareto_figure(summary: Summary) -> Figure | None:
    """Draw the score against each cost, with the front as a line.

    A variant is on the front if none that costs as little scores as high.
    Bars are standard deviations over the seeds. Costs that no variant has are
    left out; scores far below all others are triangles at the lower end.

    Args:
        summary: Summary of a comparison.

    Returns:
        The figure; None if no variant has a cost.
    """
    panels = _panels(summary)
    if not panels:
        return None
    most = max(len(points) for _, _, points in panels)
    figure = new_figure(5.2 * len(panels) + 0.4, 3.6 + 0.12 * most)
    grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    grid[0].set_ylim(*_ends(summary))  # of all panels
    grid[0].set_ylabel(score_label(summary), fontsize=9, color=INK)
    for axes, (label, scale, points) in zip(grid, panels, strict=True):
        style_axes(axes)
        axes.set_xscale(scale)
        axes.set_xlabel(label, fontsize=9, color=INK)
        _draw(axes, points)
    add_legend(figure, _handles())
    figure.draw_without_rendering()  # names need the final layout
    for axes, (_, _, points) in zip(grid, panels, strict=True):
        _name_points(axes, points)
    return figure


def front(points: Sequence[_Point]) -> list[_Point]:
    """The points that no other one beats, by increasing cost."""
    kept: list[_Point] = []
    for point in sorted(points, key=lambda p: (p.cost, -p.score)):
        if not kept or point.score > kept[-1].score:
            kept.append(point)
    return kept


def _panels(summary: Summary) -> list[tuple[str, str, list[_Point]]]:
    """Label, scale and points of each panel that has points."""
    panels = [
        (label, scale, _points(summary, cost))
        for label, scale, cost in _PANELS
    ]
    return [panel for panel in panels if panel[2]]


def _ends(summary: Summary) -> tuple[float, float]:
    spreads = [main_spread(summary, row) for row in finished(summary)]
    means = [spread['mean'] for spread in spreads]
    return score_ends(means, list(map(deviation, spreads)))


def _points(
    summary: Summary, cost: Callable[[Row], float | None]
) -> list[_Point]:
    found = []
    for row in finished(summary):
        spread, value = main_spread(summary, row), cost(row)
        if value is not None and value > 0:
            found.append(
                _Point(
                    row['variant'], value, spread['mean'], deviation(spread)
                )
            )
    return found


def _draw(axes: Axes, points: Sequence[_Point]) -> None:
    best = front(points)
    axes.plot(
        [point.cost for point in best],
        [point.score for point in best],
        color=_FRONT,
        lw=1.2,
        drawstyle='steps-post',
        alpha=0.6,
    )
    bottom = axes.get_ylim()[0]
    for point in points:
        below = point.score < bottom
        axes.errorbar(
            point.cost,
            max(point.score, bottom),
            yerr=None if below or not point.sd else point.sd,
            fmt='v' if below else 'o',
            ms=6,
            color=_FRONT if point in best else _OTHER,
            mec='white',
            mew=0.7,
            elinewidth=1.2,
            capsize=2,
            clip_on=not below,
            zorder=3,
        )
    axes.margins(x=0.12)


def _name_points(axes: Axes, points: Sequence[_Point]) -> None:
    """Name all points; names keep clear of bars and of the front."""
    bottom = axes.get_ylim()[0]
    bars = [
        ((p.cost, p.score - p.sd), (p.cost, p.score + p.sd))
        for p in points
        if p.score >= bottom
    ]
    best = front(points)
    steps = [
        line
        for one, other in pairwise(best)
        for line in (
            ((one.cost, one.score), (other.cost, one.score)),
            ((other.cost, one.score), (other.cost, other.score)),
        )
    ]
    names = [shortened(point.name, MOST_LETTERS) for point in points]
    name_points(
        axes,
        [(p.cost, max(p.score, bottom)) for p in points],
        [
            name if p.score >= bottom else f'{name}: {p.score:.1f}'
            for p, name in zip(points, names, strict=True)
        ],
        bars + steps,
    )


def _handles() -> list[Line2D]:
    style = {'marker': 'o', 'ms': 6, 'mec': 'white'}
    return [
        Line2D([], [], color=_FRONT, label='Pareto front', **style),
        Line2D([], [], color=_OTHER, ls='', label='others', **style),
    ]
