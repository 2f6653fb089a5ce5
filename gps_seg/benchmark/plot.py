# Copyright (c) gps_seg contributors. Apache-2.0.
"""The measurements as a picture: time on the left, memory on the right."""

import os
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes

from gps_seg.benchmark.results import MIB, Summary
from gps_seg.visualization.figure import new_figure, save_figure, style_axes
from gps_seg.visualization.palette import INK, PALETTE


def plot_benchmark(
    summaries: Sequence[Summary], out: str | os.PathLike[str], title: str
) -> Path:
    """Draw step time and memory of every row as horizontal bars.

    Step times are relative to the row ``full``, or in milliseconds if there
    is none; whiskers are quartiles.

    Raises:
        ValueError: If there is no row, or ``out`` is not a ``.png``.
    """
    if not summaries:
        raise ValueError('summaries: expected one or more rows, got none.')
    figure = new_figure(11, 1.6 + 0.36 * len(summaries))
    figure.suptitle(title, x=0.01, ha='left', fontsize=10, color=INK)
    left, right = figure.subplots(1, 2, sharey=True)
    _draw_time(left, summaries)
    _draw_memory(right, summaries)
    left.set_yticks(range(len(summaries)), [s.label for s in summaries])
    left.invert_yaxis()
    for axes in (left, right):
        axes.grid(False, axis='y')
    return save_figure(figure, out)


def _draw_time(axes: Axes, summaries: Sequence[Summary]) -> None:
    full = next((s.seconds for s in summaries if s.label == 'full'), None)
    unit = 0.001 if full is None else full
    name = 'ms' if full is None else 'relative to full fine-tuning'
    style_axes(axes, 'step time (median, whiskers: quartiles)')
    for position, summary in enumerate(summaries):
        low, high = (second / unit for second in summary.quartiles)
        ours = summary.label.startswith('ours')
        axes.barh(
            position,
            summary.seconds / unit,
            color=PALETTE[2] if ours else PALETTE[0],
            height=0.65,
        )
        axes.plot((low, high), (position, position), color=INK, lw=1.2)
        _write(axes, position, high, f'{summary.seconds / unit:.2f}')
    axes.set_xlabel(f'step time ({name})', fontsize=9, color=INK)
    axes.margins(x=0.12)


def _draw_memory(axes: Axes, summaries: Sequence[Summary]) -> None:
    style_axes(axes, 'memory')
    end = [0.0] * len(summaries)
    for (name, values), colour in zip(
        _layers(summaries).items(), PALETTE, strict=False
    ):
        axes.barh(
            range(len(summaries)),
            values,
            left=end,
            color=colour,
            height=0.65,
            label=name,
        )
        end = [a + b for a, b in zip(end, values, strict=True)]
    for position, (summary, total) in enumerate(
        zip(summaries, end, strict=True)
    ):
        _write(axes, position, total, f'{total:.0f}')
        if summary.peak is not None:
            axes.plot(
                summary.peak / MIB,
                position,
                marker='D',
                ms=5,
                ls='',
                color=INK,
                label='peak, above the model' if position == 0 else None,
            )
    axes.set_xlabel('MiB', fontsize=9, color=INK)
    axes.margins(x=0.12)
    axes.legend(
        fontsize=8, frameon=False, loc='upper left', bbox_to_anchor=(1, 1)
    )


def _layers(summaries: Sequence[Summary]) -> dict[str, list[float]]:
    """What is stacked, in MiB, by its name in the legend."""
    return {
        'saved for backward': [s.saved / MIB for s in summaries],
        'gradients': [sum(s.gradients) / MIB for s in summaries],
        'optimizer state': [sum(s.state) / MIB for s in summaries],
    }


def _write(axes: Axes, position: int, end: float, text: str) -> None:
    axes.annotate(
        text,
        (end, position),
        xytext=(4, 0),
        textcoords='offset points',
        va='center',
        fontsize=8,
        color=INK,
    )
