# Copyright (c) gps_seg contributors. Apache-2.0.
"""A picture of the measurements: time on the left, memory on the right."""

import os
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from gps_seg.benchmark.results import MIB, Summary
from gps_seg.visualization.figure import (
    add_legend,
    new_figure,
    save_figure,
    style_axes,
    write_beside,
)
from gps_seg.visualization.palette import INK, MUTED, PALETTE, PLAIN, STACK

_PARTS = dict(
    zip(
        ('saved for backward', 'gradients', 'optimizer state'),
        STACK,
        strict=True,
    )
)
_COLUMNS = {'sum': 34, 'peak': 72}  # right ends, points from the axis
# Saved tensors are freed while the gradients are computed.
_NOTE = 'the parts do not exist all at once: their sum may exceed the peak'


def plot_benchmark(
    summaries: Sequence[Summary], out: str | os.PathLike[str], title: str
) -> Path:
    """Draw step time and memory of every row as horizontal bars.

    Step times are relative to the row ``full``, or in milliseconds if there
    is none; whiskers are quartiles. Memory is the sum of the tensors saved
    for the backward pass, the gradients and the optimizer's state; a marker
    shows the measured peak.

    Args:
        summaries: Rows, one or more.
        out: Name of the picture (.png, .svg or .pdf).
        title: Title above the picture.

    Returns:
        The path written.

    Raises:
        ValueError: If there is no row, or the name has another ending.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from gps_seg.benchmark.counters import Bytes
        >>> some = Bytes(encoder=0, head=2**20)
        >>> row = Summary(
        ...     'full', 0.2, (0.1, 0.3), 2**22, some, some, some, peak=2**23
        ... )
        >>> with TemporaryDirectory() as folder:
        ...     plot_benchmark([row], f'{folder}/cost.svg', 'ViT-B').name
        'cost.svg'
    """
    if not summaries:
        raise ValueError('summaries: expected one or more rows, got none.')
    figure = new_figure(9.5, 1.9 + 0.27 * len(summaries))
    figure.suptitle(title, x=0.01, ha='left', fontsize=10, color=INK)
    left, right = figure.subplots(1, 2, sharey=True)
    _draw_time(left, summaries)
    _draw_memory(right, summaries)
    left.set_yticks(range(len(summaries)), [s.label for s in summaries])
    left.set_ylim(len(summaries) - 0.4, -0.6)
    for axes in (left, right):
        axes.grid(False, axis='y')
        axes.tick_params(axis='y', length=0)
    add_legend(figure, _handles(summaries))
    return save_figure(figure, out)


def _draw_time(axes: Axes, summaries: Sequence[Summary]) -> None:
    full = next((s.seconds for s in summaries if s.label == 'full'), None)
    unit = 0.001 if full is None else full
    name = 'ms' if full is None else 'relative to full fine-tuning'
    style_axes(axes, 'step time (median and quartiles)')
    for position, summary in enumerate(summaries):
        low, high = (second / unit for second in summary.quartiles)
        axes.barh(
            position,
            summary.seconds / unit,
            color=PALETTE[0] if _is_ours(summary) else PLAIN,
            height=0.65,
        )
        axes.plot((low, high), (position, position), color=INK, lw=1.2)
        axes.annotate(
            f'{summary.seconds / unit:.2f}',
            (max(high, summary.seconds / unit), position),
            xytext=(4, 0),
            textcoords='offset points',
            va='center',
            fontsize=8,
            color=INK,
        )
    axes.set_xlabel(f'step time ({name})', fontsize=8, color=INK)
    axes.margins(x=0.12)


def _is_ours(summary: Summary) -> bool:
    return summary.label.startswith('ours')


def _draw_memory(axes: Axes, summaries: Sequence[Summary]) -> None:
    style_axes(axes, 'memory above the model')
    ends = _COLUMNS.values()
    write_beside(axes, -1, [*_COLUMNS], ends, MUTED)
    for position, summary in enumerate(summaries):
        end = 0.0
        for part, colour in zip(_parts(summary), _PARTS.values(), strict=True):
            axes.barh(position, part, left=end, color=colour, height=0.65)
            end += part
        numbers = [f'{end:,.0f}', '']
        if summary.peak is not None:
            peak = summary.peak / MIB
            numbers[1] = f'{peak:,.0f}'
            axes.plot(peak, position, 'D', ms=5, color=INK, mec='white')
        write_beside(axes, position, numbers, ends, INK)
    axes.set_xlabel(f'MiB\n{_NOTE}', fontsize=8, color=INK)
    axes.margins(x=0.04)


def _parts(summary: Summary) -> tuple[float, float, float]:
    """Heights of the stack in MiB, in the order of the legend."""
    return (
        summary.saved / MIB,
        sum(summary.gradients) / MIB,
        sum(summary.state) / MIB,
    )


def _handles(summaries: Sequence[Summary]) -> list[Patch | Line2D]:
    handles: list[Patch | Line2D] = [
        Patch(facecolor=colour, label=name) for name, colour in _PARTS.items()
    ]
    if any(summary.peak is not None for summary in summaries):
        peak = Line2D([], [], ls='', marker='D', ms=5, color=INK)
        peak.set_label('measured peak')
        handles.append(peak)
    return handles
