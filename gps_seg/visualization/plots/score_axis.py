# Copyright (c) gps_seg contributors. Apache-2.0.
"""A horizontal axis of scores that neither squeezes nor exaggerates."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from gps_seg.visualization.palette import MUTED

#: Points of a percentage that a range has at least: what differs by one
#: point must not look like a world apart.
LEAST_SPAN = 10.0
_GAIN = 3  # in resolution, for which an axis is worth breaking
_LEAST_MAIN = 3  # scores in the finer part of a broken axis
_PAD = 0.08
_BREAK_MARK = [(-0.6, -1), (0.6, 1)]


def ranges_of(values: Sequence[float]) -> list[tuple[float, float]]:
    """One range of the axis, or two if a few low scores squeeze the rest.

    The axis is broken below the better half, or more, of the scores, if this
    shows them at three times the scale or more.

    Args:
        values: Scores, one or more.

    Returns:
        Low and high ends, the range of the low scores first.
    """
    ordered = sorted(values)
    whole = _range(ordered)
    most = min(len(ordered) // 2, len(ordered) - _LEAST_MAIN)
    for count in range(1, most + 1):
        low, high = ordered[:count], ordered[count:]
        main = _range(high)
        if _span(whole) >= _GAIN * _span(main) and low[-1] < main[0]:
            return [_range(low), main]
    return [whole]


def mark_break(left: Axes, right: Axes) -> None:
    """Draw the axis as broken between two neighbours."""
    style = {
        'marker': _BREAK_MARK,
        'ms': 8,
        'ls': '',
        'color': MUTED,
        'mec': MUTED,
        'clip_on': False,
        'zorder': 5,
    }
    # No number at the break, where those of both parts would meet.
    left.xaxis.set_major_locator(MaxNLocator(3, prune='upper'))
    right.xaxis.set_major_locator(MaxNLocator(6, prune='lower'))
    left.plot([1], [0], transform=left.transAxes, **style)
    right.plot([0], [0], transform=right.transAxes, **style)
    right.spines['left'].set_visible(False)
    right.tick_params(axis='y', left=False)


def remark(ranges: Sequence[tuple[float, float]]) -> str:
    """What to say beside the axis: its range, unless that begins at 0."""
    (low, _), (_, high) = ranges[0], ranges[-1]
    if len(ranges) == 2:
        return 'broken axis, coarser in its left part'
    return '' if low == 0 else f'axis from {low:.0f} to {high:.0f}'


def _range(ordered: Sequence[float]) -> tuple[float, float]:
    low, high = ordered[0], ordered[-1]
    missing = max(0.0, LEAST_SPAN - (high - low)) / 2
    pad = max(missing, _PAD * (high - low))
    begins_at_zero = 0 <= low < 0.25 * high
    return (0.0 if begins_at_zero else low - pad), high + pad


def _span(ends: tuple[float, float]) -> float:
    return ends[1] - ends[0]
