# Copyright (c) gps_seg contributors. Apache-2.0.
"""Methods of fine-tuning side by side: score and what it costs to train."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from gps_seg.visualization.figure import new_figure, save_figure, style_axes
from gps_seg.visualization.palette import INK, PALETTE

#: With more methods the legend would cover the means.
MOST_IN_LEGEND = 8
_LETTER = 0.075  # inches, of the tick labels; an upper estimate
_ANGLE = 30  # degrees, of tick labels that are wider than their columns


class MethodRun(NamedTuple):
    """Result of one training run.

    Args:
        method: Name of the method, as ``gps``; runs that differ in the seed
            alone share it.
        score: In percent.
        trained_share: Parameters trained, as a fraction of all, in (0, 1].
    """

    method: str
    score: float
    trained_share: float


def plot_comparison(
    rows: Sequence[MethodRun],
    out: str | os.PathLike[str],
    metric: str,
) -> Path:
    """Draw every run as a point and the mean of every method as a bar.

    On the left by method, in the order given; on the right the means against
    the share of the parameters that trained, on a logarithmic axis.

    Args:
        rows: Runs, one or more.
        out: Where the picture goes.
        metric: What the score is, for the axis.

    Returns:
        The path written.

    Raises:
        ValueError: If ``rows`` is empty, a score is not finite, a share is
            not in (0, 1], or ``out`` is not named ``.png``.
    """
    _check(rows)
    methods = list(dict.fromkeys(row.method for row in rows))
    width = max(4.4, 0.8 * len(methods))
    longest = _LETTER * max(map(len, methods))
    angle = _ANGLE if longest > width / (len(methods) + 1) else 0
    height = 3.8 + longest * math.sin(math.radians(angle))
    figure = new_figure(width + 3.6, height)
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[width, 3.6])
    for index, method in enumerate(methods):
        runs = [row for row in rows if row.method == method]
        style = _style(index)
        _draw_method(left, index, runs, style)
        _draw_cost(right, runs, style)
    _finish_methods(left, methods, angle, metric)
    _finish_cost(right, len(methods))
    return save_figure(figure, out)


def mean_score(runs: Sequence[MethodRun]) -> float:
    """Mean score of runs, one or more."""
    return sum(run.score for run in runs) / len(runs)


def _style(index: int) -> dict[str, Any]:
    """Colour and marker that no other of up to 24 methods has."""
    lap, colour = divmod(index, len(PALETTE))
    return {
        'color': PALETTE[colour],
        'marker': 'oDs^'[lap % 4],
        'ls': '',
        'ms': 6,
        'mec': 'white',
        'alpha': 0.85,
    }


def _check(rows: Sequence[MethodRun]) -> None:
    if not rows:
        raise ValueError('rows: expected one or more runs, got none.')
    for row in rows:
        if not (math.isfinite(row.score) and 0 < row.trained_share <= 1):
            raise ValueError(
                'rows: expected a finite score and a trained share in '
                f'(0, 1], got {row}. Give the share as a fraction, not in '
                'percent.'
            )


def _draw_method(
    axes: Axes, position: int, runs: Sequence[MethodRun], style: dict[str, Any]
) -> None:
    scores = [run.score for run in runs]
    spread = [
        position + 0.09 * (index - (len(runs) - 1) / 2)
        for index in range(len(runs))
    ]
    mean = mean_score(runs)
    bar = (position - 0.3, position + 0.3)
    axes.plot(bar, (mean, mean), color=style['color'], lw=2.5)
    axes.plot(spread, scores, **style)
    axes.annotate(
        f'{mean:.1f}',
        (position, max(*scores, mean)),
        xytext=(0, 6),
        textcoords='offset points',
        ha='center',
        fontsize=8,
        color=INK,
    )


def _draw_cost(
    axes: Axes, runs: Sequence[MethodRun], style: dict[str, Any]
) -> None:
    share = sum(100 * run.trained_share for run in runs) / len(runs)
    axes.plot([share], [mean_score(runs)], label=runs[0].method, **style)


def _finish_methods(
    axes: Axes, methods: list[str], angle: int, metric: str
) -> None:
    style_axes(axes, 'each point a run, the bar their mean')
    axes.grid(False, axis='x')
    axes.set_xticks(range(len(methods)), methods, fontsize=9)
    if angle:
        axes.tick_params(axis='x', labelrotation=angle)
        for label in axes.get_xticklabels():
            label.set_ha('right')
    axes.set_xlim(-0.6, len(methods) - 0.4)
    axes.set_ylabel(f'{metric} (%)', fontsize=9, color=INK)
    axes.margins(y=0.15)


def _finish_cost(axes: Axes, num_methods: int) -> None:
    style_axes(axes, 'means against what was trained')
    axes.set_xscale('log')
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.margins(x=0.1)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f'{x:g}'))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel('trained parameters (% of all)', fontsize=9, color=INK)
    if num_methods <= MOST_IN_LEGEND:
        axes.legend(fontsize=8, frameon=False, loc='best')
