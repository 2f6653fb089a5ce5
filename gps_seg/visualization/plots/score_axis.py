# Copyright (c) gps_seg contributors. Apache-2.0.
"""A score axis that neither hides nor exaggerates differences."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from gps_seg.visualization.palette import MUTED

#: Smallest range in percentage points, so that a difference of one point does
#: not look large.
LEAST_SPAN = 10.0
_GAIN = 3  # smallest gain in resolution that justifies a broken axis
_LEAST_MAIN = 3  # smallest number of scores in the finer part
_PAD = 0.08
_BREAK_MARK = [(-0.6, -1), (0.6, 1)]


def ranges_of(values: Sequence[float]) -> list[tuple[float, float]]:
    """Choose one range for an axis, or two if low scores squeeze the others.

    The axis is broken if this shows at least the better half of the scores at
    three times the scale or more.

    Args:
        values: Scores, one or more.

    Returns:
        Low and high end of each range; the range of the low scores is first.
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
    """Draw the break of an axis between its two parts."""
    style = {
        'marker': _BREAK_MARK,
        'ms': 8,
        'ls': '',
        'color': MUTED,
        'mec': MUTED,
        'clip_on': False,
        'zorder': 5,
    }
    # Numbers of both parts would overlap at the break.
    left.xaxis.set_major_locator(MaxNLocator(3, prune='upper'))
    right.xaxis.set_major_locator(MaxNLocator(6, prune='lower'))
    left.plot([1], [0], transform=left.transAxes, **style)
    right.plot([0], [0], transform=right.transAxes, **style)
    right.spines['left'].set_visible(False)
    right.tick_params(axis='y', left=False)


def remark(ranges: Sequence[tuple[float, float]]) -> str:
    """Note below the axis: its range, or its break."""
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
