# Copyright (c) gps_seg contributors. Apache-2.0.
"""The course of a training run: loss, learning rate, validation metrics."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from gps_seg.visualization.figure import (
    new_figure,
    percent_sign,
    save_figure,
    shortened,
    style_axes,
)
from gps_seg.visualization.palette import INK, MUTED, PALETTE, RAW
from gps_seg.visualization.plots.scalars import (
    History,
    PathLike,
    read_history,
    series,
    smooth,
)

# The loss is averaged over about this share of the points of a run. With fewer
# points than the number below, the average would hardly differ from them.
_WINDOW = 0.05
_LEAST_SMOOTHED = 40
_MOST_LETTERS = 60  # of the name of a run
_MARKERS = 'osD^vP'
_EMPTY = 'nothing logged'


def plot_curves(
    scalars_json: PathLike | Iterable[PathLike],
    out: str | os.PathLike[str],
) -> Path:
    """Draw loss, learning rate and validation metrics of a run.

    The title is the name of the work directory. Steps with a loss that is not
    finite are marked. If nothing has been logged yet, the picture says so.

    Args:
        scalars_json: ``vis_data/scalars.json`` of a run, or several of them
            if it was resumed, oldest first.
        out: Name of the picture (.png, .svg or .pdf).

    Returns:
        The path written.

    Raises:
        FileNotFoundError: If a file of scalars is missing.
        ValueError: If a file does not contain scalars, or the name of the
            picture has another ending.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     scalars = Path(folder, 'scalars.json')
        ...     _ = scalars.write_text('{"iter": 1, "step": 1, "loss": 0.5}')
        ...     plot_curves(scalars, f'{folder}/curves.svg').name
        'curves.svg'
    """
    if isinstance(scalars_json, (str, os.PathLike)):
        scalars_json = [scalars_json]
    files = [Path(path) for path in scalars_json]
    history = read_history(files)
    figure = new_figure(9.5, 3.9)
    figure.suptitle(run_name(files), fontsize=11, color=INK)
    grid = figure.add_gridspec(2, 2, height_ratios=[3, 1])
    loss = figure.add_subplot(grid[0, 0])
    rate = figure.add_subplot(grid[1, 0], sharex=loss)
    _draw_loss(loss, history)
    _draw_learning_rate(rate, history)
    _draw_metrics(figure.add_subplot(grid[:, 1]), history)
    return save_figure(figure, out)


def run_name(files: Sequence[Path]) -> str:
    """Name of the work directory in which MMEngine wrote the scalars.

    Example:
        >>> run_name([Path('work_dirs/gps/20260101_0/vis_data/scalars.json')])
        'gps'
    """
    if not files or files[-1].parent.name != 'vis_data':
        return ''
    return shortened(files[-1].absolute().parents[2].name, _MOST_LETTERS)


def _draw_loss(axes: Axes, history: History) -> None:
    style_axes(axes)
    axes.set_ylabel('training loss', fontsize=9, color=INK)
    axes.tick_params(axis='x', labelbottom=False)
    steps, values = series(history.training, 'loss')
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        _say_empty(axes, _why_no_loss(history))
    elif len(values) < _LEAST_SMOOTHED:
        axes.plot(steps, values, '.-', color=PALETTE[0], lw=1.5, ms=5)
    else:
        axes.plot(steps, values, color=RAW, lw=1, label='as logged')
        weight = 1 - 1 / (_WINDOW * len(values))
        smoothed = smooth(values, weight)
        axes.plot(steps, smoothed, color=PALETTE[0], lw=2, label='smoothed')
    if finite:
        low = min(0.0, *finite)
        axes.set_ylim(low, (max(finite) - low) * 1.08 + low or 1)
    _mark_broken(axes, steps, values)
    if axes.get_legend_handles_labels()[0]:
        _add_legend(axes, loc='lower right', anchor=(1, 1.01), ncols=3)


def _why_no_loss(history: History) -> str:
    """A short run has scores, but ends before a loss is logged."""
    if history.training or not history.validation:
        return _EMPTY
    return f'{_EMPTY}: fewer iterations\nthan default_hooks.logger.interval'


def _mark_broken(axes: Axes, steps: list[float], values: list[float]) -> None:
    broken = [
        step
        for step, value in zip(steps, values, strict=True)
        if not math.isfinite(value)
    ]
    for index, step in enumerate(broken):
        label = f'not finite ({len(broken)}x)' if index == 0 else None
        axes.axvline(step, color=PALETTE[1], lw=1, alpha=0.7, label=label)


def _draw_learning_rate(axes: Axes, history: History) -> None:
    style_axes(axes)
    steps, values = series(history.training, 'lr')
    axes.set_ylabel('learning\nrate', fontsize=8, color=INK)
    label = 'iteration'
    if not steps:
        _say_empty(axes)
    else:
        axes.plot(steps, values, color=PALETTE[2], lw=1.5, marker=_dot(steps))
        axes.set_xlim(0, 1.02 * max(steps))
        axes.set_ylim(0, 1.2 * max(values) or 1)
        label += _interval(steps)
    axes.set_xlabel(label, fontsize=9, color=INK)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(2))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f'{y:g}'))


def _interval(steps: Sequence[float]) -> str:
    """The interval at which the loss was logged; empty if that was always."""
    gaps = set(np.diff([0, *steps]))
    every = min(gaps)
    return f' (logged every {every:g})' if every > 1 and len(gaps) == 1 else ''


def _draw_metrics(axes: Axes, history: History) -> None:
    names = history.metric_names()
    title = 'validation' if len(names) != 1 else f'validation: {names[0]}'
    style_axes(axes, title)
    axes.set_xlabel(history.unit, fontsize=9, color=INK)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    if not names:
        _say_empty(axes)
        return
    finite_values: list[float] = []
    for index, name in enumerate(names):
        steps, values = series(history.validation, name)
        finite = [value for value in values if math.isfinite(value)]
        best = f', best {max(finite):.2f}' if finite else ''
        finite_values += finite
        lap, colour = divmod(index, len(PALETTE))
        axes.plot(
            steps,
            values,
            marker=_MARKERS[index % len(_MARKERS)],
            ms=4,
            color=PALETTE[colour],
            ls='--' if lap % 2 else '-',
            label=f'{name}{best}',
        )
    last = max(line['step'] for line in history.validation)
    axes.set_xlim(0, 1.05 * last or 1)
    name = names[0] if len(names) == 1 else 'score'
    label = f'{name}{percent_sign(finite_values)}'
    axes.set_ylabel(label, fontsize=9, color=INK)
    _add_legend(axes, loc='upper left', anchor=(1.01, 1), ncols=1)


def _dot(steps: Sequence[float]) -> str:
    """A marker for the points of a line, if there are few of them."""
    return '.' if len(steps) < _LEAST_SMOOTHED else ''


def _add_legend(
    axes: Axes, loc: str, anchor: tuple[float, float], ncols: int
) -> None:
    """A legend outside the axes, where it covers no line."""
    axes.legend(
        loc=loc,
        bbox_to_anchor=anchor,
        ncols=ncols,
        fontsize=8,
        frameon=False,
        borderaxespad=0,
        handlelength=1.3,
        columnspacing=1.0,
    )


def _say_empty(axes: Axes, text: str = _EMPTY) -> None:
    axes.text(
        0.5, 0.5, text, transform=axes.transAxes, ha='center', color=MUTED
    )
    # Numbers beside an empty panel look like values.
    axes.tick_params(length=0, labelleft=False, labelbottom=False)
    axes.grid(False)
