# Copyright (c) gps_seg contributors. Apache-2.0.
"""The course of a training run: loss, metrics, learning rate."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from gps_seg.visualization.figure import new_figure, save_figure, style_axes
from gps_seg.visualization.palette import INK, MUTED, PALETTE
from gps_seg.visualization.scalars import (
    History,
    PathLike,
    read_history,
    series,
    smooth,
)

# The loss is averaged over about this share of the points of a run.
_WINDOW = 0.05


def plot_curves(
    scalars_json: PathLike | Iterable[PathLike],
    out: str | os.PathLike[str],
) -> Path:
    """Draw loss, validation metrics and learning rate of a run.

    Steps at which the loss was not finite are marked. A run that logged
    nothing yet gives a picture that says so.

    Args:
        scalars_json: ``vis_data/scalars.json`` of a run, or several of them
            if it was resumed, oldest first.
        out: Where the picture goes.

    Returns:
        The path written.

    Raises:
        FileNotFoundError: If a file of scalars is missing.
        ValueError: If a file is not one of scalars, or ``out`` is not
            named ``.png``.
    """
    history = read_history(scalars_json)
    figure = new_figure(12, 3.6)
    panels: list[Callable[[Axes, History], None]] = [
        _draw_loss,
        _draw_metrics,
        _draw_learning_rate,
    ]
    for axes, draw in zip(figure.subplots(1, 3), panels, strict=True):
        draw(axes, history)
    return save_figure(figure, out)


def _draw_loss(axes: Axes, history: History) -> None:
    style_axes(axes, 'training loss')
    axes.set_xlabel('iteration', fontsize=8, color=INK)
    steps, values = series(history.training, 'loss')
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        _say_empty(axes)
    else:
        axes.plot(steps, values, '.-', color='#BBD3E6', lw=1, ms=3)
        window = max(1.0, _WINDOW * len(values))
        axes.plot(
            steps,
            smooth(values, weight=1 - 1 / window),
            color=PALETTE[0],
            lw=2,
            label='smoothed',
        )
        axes.set_ylim(bottom=min(0.0, *finite))
    _mark_broken(axes, steps, values)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8, frameon=False)


def _mark_broken(axes: Axes, steps: list[float], values: list[float]) -> None:
    broken = [
        step
        for step, value in zip(steps, values, strict=True)
        if not math.isfinite(value)
    ]
    for index, step in enumerate(broken):
        label = f'not finite ({len(broken)}x)' if index == 0 else None
        axes.axvline(step, color=PALETTE[1], lw=1, alpha=0.7, label=label)


def _draw_metrics(axes: Axes, history: History) -> None:
    style_axes(axes, 'validation')
    axes.set_xlabel(history.unit, fontsize=8, color=INK)
    names = history.metric_names()
    if not names:
        _say_empty(axes)
        return
    for index, name in enumerate(names):
        steps, values = series(history.validation, name)
        finite = [value for value in values if math.isfinite(value)]
        best = f', best {max(finite):.2f}' if finite else ''
        axes.plot(
            steps,
            values,
            marker='o',
            ms=3,
            color=PALETTE[index % len(PALETTE)],
            ls='-' if index < len(PALETTE) else '--',
            label=f'{name}{best}',
        )
    axes.legend(fontsize=8, frameon=False, loc='lower right')


def _draw_learning_rate(axes: Axes, history: History) -> None:
    style_axes(axes, 'learning rate')
    axes.set_xlabel('iteration', fontsize=8, color=INK)
    steps, values = series(history.training, 'lr')
    if not steps:
        _say_empty(axes)
        return
    axes.plot(steps, values, '.-', color=PALETTE[2], ms=3)
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f'{y:g}'))


def _say_empty(axes: Axes) -> None:
    axes.text(
        0.5,
        0.5,
        'nothing logged',
        transform=axes.transAxes,
        ha='center',
        color=MUTED,
    )
    axes.grid(False)
