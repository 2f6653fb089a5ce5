# Copyright (c) gps_seg contributors. Apache-2.0.
"""Which entries do deltas have in common, and where in the network?"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from gps_seg.delta import Delta, overlap
from gps_seg.delta.reports.overlap import overlap_by_place, pairwise_shares
from gps_seg.sparse.summary import Place
from gps_seg.visualization.figure import new_figure, save_figure
from gps_seg.visualization.heat_map import (
    draw_heat_map,
    natural_order,
    write_in_cell,
)
from gps_seg.visualization.palette import INK

_STEM = '(stem)'


def plot_overlap(
    deltas: Sequence[Delta],
    labels: Sequence[str],
    out: str | os.PathLike[str],
) -> Path:
    """Draw the overlap of deltas: by pair, and by block and kind of layer.

    On the left the share of common entries of every two deltas, with the
    number of entries of each on the diagonal; on the right the share of
    entries that all deltas have, blocks against kinds of layers.

    Args:
        deltas: Two or more, of one base.
        labels: One name per delta.
        out: Where the picture goes.

    Returns:
        The path written.

    Raises:
        ValueError: If there are fewer than two deltas, not as many labels,
            no selected entries, shapes that differ, or ``out`` is not
            named ``.png``.
    """
    if len(labels) != len(deltas):
        raise ValueError(
            f'labels: expected {len(deltas)}, one per delta, got '
            f'{len(labels)}.'
        )
    total = overlap(deltas)[-1]
    if total.union == 0:
        raise ValueError(
            'deltas: expected entries that were selected, got tensors that '
            'are replaced whole alone. Only selections overlap.'
        )
    by_place = overlap_by_place(deltas)
    shares = {place: 100 * row.share for place, row in by_place.items()}
    num_blocks = len({place.block for place in shares})
    height = max(3.6, 0.24 * num_blocks + 1.6, 0.3 * len(deltas) + 1.6)
    figure = new_figure(max(11.0, 8.5 + 0.5 * len(deltas)), height)
    left, right = figure.subplots(
        1, 2, width_ratios=[max(1.0, 0.12 * len(deltas)), 1.5]
    )
    _draw_pairs(left, pairwise_shares(deltas), labels, total.sizes)
    _draw_places(right, shares)
    figure.suptitle(
        f'{total.common:,} of {total.union:,} selected entries are common to '
        f'{_all(len(deltas))} deltas ({100 * total.share:.3g} %)',
        fontsize=11,
        color=INK,
    )
    return save_figure(figure, out)


def _all(count: int) -> str:
    return 'both' if count == 2 else f'all {count}'


def _draw_pairs(
    axes: Axes,
    shares: list[list[float]],
    labels: Sequence[str],
    sizes: Sequence[int],
) -> None:
    cells = 100 * np.array(shares)
    # The diagonal is 100 % always and would take the colours from the rest.
    np.fill_diagonal(cells, np.nan)
    title = 'entries common to two deltas (diagonal: entries)'
    draw_heat_map(axes, cells, labels, labels, title, '% of their entries')
    for index, size in enumerate(sizes):
        write_in_cell(axes, index, index, f'{size:,}', INK)


def _draw_places(axes: Axes, shares: dict[Place, float]) -> None:
    blocks = sorted({place.block for place in shares}, key=natural_order)
    in_blocks = {p.kind: bool(p.block) for p in shares}
    kinds = sorted(in_blocks, key=lambda kind: (in_blocks[kind], kind))
    cells = np.full((len(blocks), len(kinds)), np.nan)
    for place, share in shares.items():
        cells[blocks.index(place.block), kinds.index(place.kind)] = share
    rows = [block or _STEM for block in blocks]
    title = 'entries common to all, by block and kind'
    draw_heat_map(axes, cells, rows, kinds, title, '% of the entries of any')
