# Copyright (c) gps_seg contributors. Apache-2.0.
"""Methods of fine-tuning side by side: score and share of trained values."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gps_seg.visualization.figure import (
    add_legend,
    new_figure,
    save_figure,
    shortened,
    style_axes,
    write_beside,
)
from gps_seg.visualization.palette import INK, MUTED
from gps_seg.visualization.plots.score_axis import (
    mark_break,
    ranges_of,
    remark,
)
from gps_seg.visualization.plots.variant_style import VariantStyle, style_of

_MOST_LETTERS = 44  # of the name of a method
_LETTER = 0.08  # inches
_BROKEN = (1, 3)  # widths of the parts of a broken axis
_COLUMNS = (38, 92)  # right ends of the numbers, points from the axis


class MethodRun(NamedTuple):
    """Result of one training run.

    Args:
        method: Name of the method, such as ``gps``; the same for runs that
            differ only in the seed.
        score: Score in percent.
        trained_share: Trained parameters as a fraction of all, in [0, 1]; 0
            for a model before training.

    Example:
        >>> MethodRun('gps', score=82.8, trained_share=0.013)
        MethodRun(method='gps', score=82.8, trained_share=0.013)
    """

    method: str
    score: float
    trained_share: float


def plot_comparison(
    rows: Sequence[MethodRun],
    out: str | os.PathLike[str],
    metric: str,
) -> Path:
    """Draw one row per method: its runs, their mean and their range.

    Methods keep the order given. Numbers on the right show the mean score and
    the share of trained parameters. A model that trained nothing is a dashed
    line. If the names of the methods contain different selection scores or
    scopes, colours stand for the scores and markers for the scopes.

    Args:
        rows: Runs, one or more.
        out: Name of the picture (.png, .svg or .pdf).
        metric: Name of the score; label of the axis.

    Returns:
        The path written.

    Raises:
        ValueError: If ``rows`` is empty, a score is not finite, a share is
            not in [0, 1], or the name has another ending.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> runs = [MethodRun('gps', 82.8, 0.013), MethodRun('full', 82.0, 1)]
        >>> with TemporaryDirectory() as folder:
        ...     plot_comparison(runs, f'{folder}/runs.svg', 'mDice').name
        'runs.svg'
    """
    _check(rows)
    trained = _by_method([row for row in rows if row.trained_share > 0])
    bases = _by_method([row for row in rows if row.trained_share == 0])
    style = style_of(list(trained))
    longest = min(_MOST_LETTERS, max(map(len, trained), default=0))
    figure = new_figure(5.5 + _LETTER * longest, 0.29 * len(trained) + 1.5)
    ranges = ranges_of([row.score for row in rows])
    for part in _axes(figure, ranges):
        for position, runs in enumerate(trained.values()):
            _draw_method(part, position, runs, style)
        for runs in bases.values():
            part.axvline(mean_score(runs), color=MUTED, ls='--', lw=1.2)
    _name_methods(figure.axes[0], list(trained))
    _write_numbers(figure.axes[-1], list(trained.values()))
    _name_axis(figure, metric, remark(ranges))
    add_legend(figure, _handles(trained, bases, style))
    return save_figure(figure, out)


def mean_score(runs: Sequence[MethodRun]) -> float:
    """Mean score of runs, one or more."""
    return sum(run.score for run in runs) / len(runs)


def _by_method(rows: Sequence[MethodRun]) -> dict[str, list[MethodRun]]:
    runs: dict[str, list[MethodRun]] = {}
    for row in rows:
        runs.setdefault(row.method, []).append(row)
    return runs


def _check(rows: Sequence[MethodRun]) -> None:
    if not rows:
        raise ValueError('rows: expected one or more runs, got none.')
    for row in rows:
        if not (math.isfinite(row.score) and 0 <= row.trained_share <= 1):
            raise ValueError(
                'rows: expected a finite score and a trained share in '
                f'[0, 1], got {row}. Give the share as a fraction, not in '
                'percent.'
            )


def _axes(figure: Figure, ranges: list[tuple[float, float]]) -> list[Axes]:
    """Make one axis per range, from left to right."""
    widths = _BROKEN if len(ranges) == 2 else (1,)
    parts = figure.subplots(
        1, len(ranges), sharey=True, width_ratios=widths, squeeze=False
    )[0]
    figure.get_layout_engine().set(wspace=0.01)
    for axes, ends in zip(parts, ranges, strict=True):
        style_axes(axes)
        axes.grid(False, axis='y')
        axes.set_xlim(*ends)
    if len(ranges) == 2:
        mark_break(*parts)
    return list(parts)


def _draw_method(
    axes: Axes, position: int, runs: Sequence[MethodRun], style: VariantStyle
) -> None:
    name, scores = runs[0].method, [run.score for run in runs]
    colour, places = style.colour(name), [position] * len(runs)
    if len(runs) > 1:
        ends = [min(scores), max(scores)]
        axes.plot(ends, places[:2], '-', color=colour, lw=1.5)
        axes.plot([mean_score(runs)], [position], '|', color=INK, ms=13, mew=2)
    axes.plot(
        scores,
        places,
        style.marker(name),
        ms=6,
        color=colour,
        mec='white',
        mew=0.7,
        zorder=3,
    )


def _name_methods(axes: Axes, names: Sequence[str]) -> None:
    labels = [shortened(name, _MOST_LETTERS) for name in names]
    axes.set_yticks(range(len(names)), labels, fontsize=9)
    axes.tick_params(axis='y', length=0)
    axes.set_ylim(max(len(names), 1) - 0.4, -0.6)


def _write_numbers(axes: Axes, methods: Sequence[list[MethodRun]]) -> None:
    """Write mean and share of each method right of the axis."""
    single = all(len(runs) == 1 for runs in methods)
    heading = ('score' if single else 'mean', '% trained')
    lines: list[tuple[float, tuple[str, str]]] = [(-0.9, heading)]
    for position, runs in enumerate(methods):
        share = np.mean([100 * run.trained_share for run in runs])
        percent = '100' if share == 100 else f'{share:.2f}'
        lines.append((position, (f'{mean_score(runs):.1f}', percent)))
    for position, texts in lines:
        colour = MUTED if position < 0 else INK
        write_beside(axes, position, texts, _COLUMNS, colour)


def _name_axis(figure: Figure, metric: str, note: str) -> None:
    label = f'{metric} (%)' + (f'\n{note}' if note else '')
    figure.axes[-1].set_xlabel(label, fontsize=9, color=INK)


def _handles(
    trained: dict[str, list[MethodRun]],
    bases: dict[str, list[MethodRun]],
    style: VariantStyle,
) -> list[Artist]:
    handles = style.handles()
    if any(len(runs) > 1 for runs in trained.values()):
        run = style.colour('') if not style.colours else MUTED
        handles += [
            Line2D([], [], color=run, marker='o', mec='white'),
            Line2D([], [], color=INK, marker='|', ls='', ms=11, mew=2),
        ]
        handles[-2].set_label('runs and their range')
        handles[-1].set_label('mean')
    for name, runs in bases.items():
        label = f'{name}: {mean_score(runs):.1f}'
        handles.append(Line2D([], [], color=MUTED, ls='--', label=label))
    return handles
