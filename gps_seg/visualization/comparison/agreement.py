# Copyright (c) gps_seg contributors. Apache-2.0.
"""Which variants predict alike, and err alike, as heat maps."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from gps_seg.visualization.comparison.rows import MOST_LETTERS, Summary
from gps_seg.visualization.figure import new_figure, shortened
from gps_seg.visualization.palette import MUTED
from gps_seg.visualization.selection.heat_map import (
    draw_heat_map,
    name_cells,
    number_cells,
)

_CELL, _LETTER = 0.36, 0.07  # inches
_TITLES = {
    'dice': ('agreement of predictions', 'Dice (%)'),
    'error_overlap': ('overlap of wrong pixels', 'IoU (%)'),
}


def agreement_figure(summary: Summary) -> Figure | None:
    """Draw both matrices of agreement, with a number in each cell.

    Args:
        summary: Summary of a comparison.

    Returns:
        The figure; None if agreement was not measured.
    """
    agreement = summary['agreement']
    if agreement is None:
        return None
    names = [shortened(name, MOST_LETTERS) for name in agreement['variants']]
    longest = _LETTER * max(map(len, names))
    side = _CELL * len(names) + longest
    figure = new_figure(2 * (side + 1.4), side + 1.0)
    for axes, key in zip(figure.subplots(1, 2), _TITLES, strict=True):
        cells = np.array(agreement[key], dtype=float)
        known = cells[np.isfinite(cells)]
        low = 10 * np.floor(known.min() / 10) if known.size else 0.0
        draw_heat_map(axes, cells, *_TITLES[key], low=low)
        name_cells(axes, names, names)
        if longest > _CELL:  # no room beside one another
            axes.tick_params(axis='x', labelrotation=90)
            for label in axes.get_xticklabels():
                label.set_horizontalalignment('center')
        texts = [['' if np.isnan(v) else f'{v:.0f}' for v in r] for r in cells]
        number_cells(axes, cells, texts, low=low)
    figure.supxlabel(
        'same seed; on the diagonal: two seeds of one variant',
        fontsize=8,
        color=MUTED,
    )
    return figure
