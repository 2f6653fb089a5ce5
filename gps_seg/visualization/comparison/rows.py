# Copyright (c) gps_seg contributors. Apache-2.0.
"""What the plots of a comparison take from its summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

#: Summary of a comparison, as ``gps_seg.comparison.summarise`` returns it.
Summary = Mapping[str, Any]
Row = Mapping[str, Any]

#: Data set of every comparison.
VALIDATION = 'validation'
#: Most letters of the name of a variant in a plot.
MOST_LETTERS = 28
_GAIN = 4  # length of the axis, as a multiple of its better half
_LEAST_SPAN = 4.0  # points, so that tenths of a point do not look large


def finished(summary: Summary) -> list[Row]:
    """Rows of the variants that have scores."""
    return [row for row in summary['variants'] if row['status'] == 'finished']


def main_spread(summary: Summary, row: Row, of: str = VALIDATION) -> Row:
    """Mean and standard deviation of the main metric on a data set."""
    return row['scores'][of]['per_image'][summary['metric']]


def deviation(spread: Row) -> float:
    """The standard deviation; 0 of a single seed."""
    return spread['sd'] or 0.0


def score_label(summary: Summary) -> str:
    """Label of an axis of mean scores."""
    metric = summary['metric']
    return (
        f'{metric} (%)' if metric == 'accuracy' else f'{metric} per image (%)'
    )


def score_ends(
    scores: Sequence[float], deviations: Sequence[float] = ()
) -> tuple[float, float]:
    """Ends of an axis on which a few low scores do not squeeze the others.

    The better half of the scores gets a quarter of the axis or more. Scores
    below the axis are drawn at its lower end, as triangles.

    Args:
        scores: Scores, one or more.
        deviations: Length of the bar of each score; none if empty.

    Example:
        >>> score_ends([10.0, 80.0, 82.0, 84.0, 85.0])
        (79.7, 85.3)
        >>> score_ends([80.0, 80.1])
        (78.044, 82.056)
    """
    bars = deviations or [0.0] * len(scores)
    reach = max(_LEAST_SPAN, _GAIN * (max(scores) - median(scores)))
    shown = [
        (score, bar)
        for score, bar in zip(scores, bars, strict=True)
        if score >= max(scores) - reach
    ]
    low = min(score - bar for score, bar in shown)
    high = max(score + bar for score, bar in shown)
    missing = max(0.0, _LEAST_SPAN - (high - low)) / 2
    pad = 0.06 * (high - low) + missing
    return round(low - pad, 6), round(high + pad, 6)
