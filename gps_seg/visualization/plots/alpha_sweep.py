# Copyright (c) gps_seg contributors. Apache-2.0.
"""Scores of the models between a base and a tuned one."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from matplotlib.axes import Axes

from gps_seg.visualization.figure import (
    add_legend,
    new_figure,
    percent_sign,
    save_figure,
    style_axes,
)
from gps_seg.visualization.palette import INK, MUTED, PALETTE

_MARKERS = 'oDs^vP'


class AlphaScore(NamedTuple):
    """Scores of ``base + alpha * (tuned - base)``.

    Args:
        alpha: Weight of the change; 0 is the base, 1 the tuned model.
        metrics: Scores by name; NaN where a score is not defined.

    Example:
        >>> AlphaScore(0.5, {'mIoU': 61.2}).metrics['mIoU']
        61.2
    """

    alpha: float
    metrics: Mapping[str, float]


def plot_alpha_sweep(
    scores: Sequence[AlphaScore],
    metrics: Sequence[str],
    out: str | os.PathLike[str],
) -> Path:
    """Draw each metric against ``alpha`` and mark its best point.

    Args:
        scores: Scores in any order, one or more.
        metrics: Names of the metrics to draw.
        out: Name of the picture (.png, .svg or .pdf).

    Returns:
        The path written.

    Raises:
        ValueError: If there are no scores, a metric is not among them, or the
            name has another ending.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> scores = [AlphaScore(a / 2, {'mIoU': 60 + a}) for a in range(3)]
        >>> with TemporaryDirectory() as folder:
        ...     plot_alpha_sweep(scores, ['mIoU'], f'{folder}/sweep.svg').name
        'sweep.svg'
    """
    _check(scores, metrics)
    scores = sorted(scores, key=lambda score: score.alpha)
    figure = new_figure(5.5, 3.6)
    axes = figure.subplots()
    style_axes(axes)
    for end in (0, 1):
        axes.axvline(end, color=MUTED, linewidth=0.8, linestyle=':')
    for index, metric in enumerate(metrics):
        _draw_metric(axes, scores, metric, index)
    label = 'alpha (0: the base, 1: the tuned model)'
    axes.set_xlabel(label, fontsize=9, color=INK)
    values = [score.metrics[name] for score in scores for name in metrics]
    name = metrics[0] if len(metrics) == 1 else 'score'
    label = f'{name}{percent_sign(values)}'
    axes.set_ylabel(label, fontsize=9, color=INK)
    axes.margins(y=0.15)
    add_legend(figure, axes.get_legend_handles_labels()[0])
    return save_figure(figure, out)


def _check(scores: Sequence[AlphaScore], metrics: Sequence[str]) -> None:
    if not scores or not metrics:
        raise ValueError(
            f'scores: expected one or more alphas and metrics, got '
            f'{len(scores)} and {len(metrics)}.'
        )
    known = list(scores[0].metrics)
    unknown = [metric for metric in metrics if metric not in known]
    if unknown:
        raise ValueError(f'metrics: expected some of {known}, got {unknown}.')


def _draw_metric(
    axes: Axes, scores: Sequence[AlphaScore], metric: str, index: int
) -> None:
    points = [(score.metrics[metric], score.alpha) for score in scores]
    values, alphas = zip(*points, strict=True)
    lap, colour = divmod(index, len(PALETTE))
    marker = _MARKERS[lap % len(_MARKERS)]
    style = {'color': PALETTE[colour], 'marker': marker}
    defined = [point for point in points if math.isfinite(point[0])]
    label = metric
    if defined:
        best, alpha = max(defined)
        label = f'{metric}: best {best:.2f} at {alpha:g}'
        axes.plot([alpha], [best], ms=11, mfc='none', ls='', **style)
    axes.plot(alphas, values, label=label, ms=5, lw=1.6, **style)
