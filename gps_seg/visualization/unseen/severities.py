# Copyright (c) gps_seg contributors. Apache-2.0.
"""Score of a tuned model against the severity of each kind of damage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from gps_seg.visualization.comparison.rows import Summary, score_label
from gps_seg.visualization.comparison.small_panels import draw_panels
from gps_seg.visualization.palette import PALETTE

_FEWEST = 2  # severities, for a line
_UNDAMAGED = 0
#: Interval of the score by severity.
_Curve = Mapping[int, Mapping[str, Any]]


def severities_figure(summary: Summary) -> Figure | None:
    """Draw a line per kind of damage, in a panel of its own.

    A line begins at severity 0 with the undamaged images if these are the own
    test images. Bands are 95 % intervals over the images; the other kinds are
    grey.

    Args:
        summary: Summary of a test, with ``sets``.

    Returns:
        The figure; None if no kind has two severities.
    """
    curves = _curves(summary)
    if not curves:
        return None
    lines = {
        kind: [(severity, score['mean']) for severity, score in curve.items()]
        for kind, curve in curves.items()
    }
    figure, panels = draw_panels(lines, 'severity', score_label(summary))
    for kind, axes in panels.items():
        severities = list(curves[kind])
        lows, highs = (
            [score[end] for score in curves[kind].values()]
            for end in ('low', 'high')
        )
        axes.fill_between(
            severities, lows, highs, color=PALETTE[0], alpha=0.15, lw=0
        )
        axes.set_xticks(severities)
    scores = [score for curve in curves.values() for score in curve.values()]
    # The lowest scores, which other pictures leave out, are the point here.
    axes.set_ylim(
        min(score['low'] for score in scores) - 1,
        max(score['high'] for score in scores) + 1,
    )
    return figure


def _curves(summary: Summary) -> dict[str, _Curve]:
    """Score by increasing severity of each kind that has two or more."""
    own, *others = summary['sets']
    metric = summary['metric']
    found: dict[str, dict[int, Any]] = {}
    for row in others:
        if row['damage']:
            curve = found.setdefault(row['damage']['kind'], {})
            curve[row['damage']['severity']] = row['per_image'][metric]
            if row['change']['paired']:
                curve[_UNDAMAGED] = own['per_image'][metric]
    return {
        kind: dict(sorted(curve.items()))
        for kind, curve in found.items()
        if len(curve.keys() - {_UNDAMAGED}) >= _FEWEST
    }
