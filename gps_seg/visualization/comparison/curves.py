# Copyright (c) gps_seg contributors. Apache-2.0.
"""Score against iteration, for each variant."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gps_seg.visualization.comparison.rows import (
    Summary,
    finished,
    score_label,
)
from gps_seg.visualization.comparison.small_panels import draw_panels


def curves_figure(summary: Summary) -> Figure | None:
    """Draw the mean score over the seeds at each validation.

    A curve that still rises at its end says that the variant was compared
    before it had been trained to its end.

    Args:
        summary: Summary of a comparison.

    Returns:
        The figure; None if no run was validated while training.
    """
    lines = {
        row['variant']: row['curve']
        for row in finished(summary)
        if row['curve']
    }
    if not lines:
        return None
    figure, panels = draw_panels(lines, 'iteration', score_label(summary))
    for axes in panels.values():
        axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    return figure
