# Copyright (c) gps_seg contributors. Apache-2.0.
"""The entries that deltas have in common, by their place in the network."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from gps_seg.delta import Delta, overlap
from gps_seg.delta.overlap import Overlap
from gps_seg.delta.reports.overlap import (
    expected_common,
    overlap_by_place,
    pairwise_shares,
)
from gps_seg.sparse.summary import Place
from gps_seg.visualization.figure import (
    new_figure,
    save_figure,
    shortened,
)
from gps_seg.visualization.palette import INK, MUTED
from gps_seg.visualization.selection.heat_map import (
    draw_heat_map,
    name_cells,
    number_cells,
)
from gps_seg.visualization.selection.place_matrix import (
    PlaceMatrix,
    place_matrix,
)

_MOST_LETTERS = 24  # of the label of a delta
_LEAST_PAIRED = 3  # deltas; with two, the title describes the only pair


def plot_overlap(
    deltas: Sequence[Delta],
    labels: Sequence[str],
    out: str | os.PathLike[str],
) -> Path:
    """Draw the overlap of deltas: by block and kind of layer, and by pair.

    A cell is the number of entries that all deltas have, as a share of those
    that any of them has. For three or more deltas a second matrix shows the
    share for each pair, with the number of entries of each delta on the
    diagonal. The title says how many entries random selections of the same
    sizes would share.

    Args:
        deltas: Two or more deltas of one base.
        labels: Names of the deltas.
        out: Name of the picture (.png, .svg or .pdf).

    Returns:
        The path written.

    Raises:
        ValueError: If there are fewer than two deltas, their number is not
            that of the labels, there are no selected entries, shapes differ,
            or the name of the picture has another ending.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> import torch
        >>> from gps_seg.delta import extract
        >>> base = {'layers.0.fc1.weight': torch.zeros(4, 4)}
        >>> tuned = {'layers.0.fc1.weight': torch.eye(4)}
        >>> deltas = [extract(base, tuned), extract(base, tuned)]
        >>> with TemporaryDirectory() as folder:
        ...     plot_overlap(deltas, ['A', 'B'], f'{folder}/both.svg').name
        'both.svg'
    """
    if len(labels) != len(deltas):
        raise ValueError(
            f'labels: expected {len(deltas)}, one per delta, got '
            f'{len(labels)}.'
        )
    total = overlap(deltas)[-1]
    if total.union == 0:
        raise ValueError(
            'deltas: expected selected entries, got only tensors that are '
            'replaced whole. Only selections overlap.'
        )
    by_place = overlap_by_place(deltas)
    matrix = place_matrix({p: 100 * row.share for p, row in by_place.items()})
    heights = [0.21 * len(matrix.blocks) + 1.2]
    if len(deltas) >= _LEAST_PAIRED:
        heights.append(0.21 * len(deltas) + 1.6)
    figure = new_figure(
        max(7.2, 3.5 + 0.5 * len(deltas)), sum(map(_at_least, heights)) + 0.6
    )
    panels = figure.subplots(
        len(heights), 1, squeeze=False, height_ratios=heights
    )[:, 0]
    _draw_places(panels[0], matrix, by_place)
    if len(deltas) >= _LEAST_PAIRED:
        _draw_pairs(panels[1], pairwise_shares(deltas), labels, total.sizes)
    expected = sum(expected_common(deltas).values())
    figure.suptitle(
        f'{total.common:,} of {total.union:,} selected entries are common to '
        f'{_all(len(deltas))} deltas ({100 * total.share:.3g} %)\n'
        f'random selections of these sizes would share {_number(expected)}',
        fontsize=10,
        color=INK,
    )
    return save_figure(figure, out)


def _at_least(height: float) -> float:
    return max(2.0, height)


def _all(count: int) -> str:
    return 'both' if count == 2 else f'all {count}'


def _number(expected: float) -> str:
    return f'about {expected:,.0f}' if expected >= 1 else 'less than 1'


def _draw_places(
    axes: Axes, matrix: PlaceMatrix, by_place: Mapping[Place, Overlap]
) -> None:
    title = 'entries common to all, by block and kind of layer'
    draw_heat_map(axes, matrix.cells, title, '% of the entries in any')
    name_cells(axes, matrix.blocks, matrix.kinds)
    number_cells(axes, matrix.cells, _texts(matrix.cells))
    outside = [by_place[place] for place in matrix.rest]
    if outside:
        common = sum(row.common for row in outside)
        union = sum(row.union for row in outside)
        note = f'outside the blocks: {common:,} of {union:,} are common'
        axes.set_xlabel(note, fontsize=8, color=MUTED)


def _draw_pairs(
    axes: Axes,
    shares: list[list[float]],
    labels: Sequence[str],
    sizes: Sequence[int],
) -> None:
    cells = 100 * np.array(shares)
    # The diagonal is always 100 %; with it, the other colours would be alike.
    np.fill_diagonal(cells, np.nan)
    names = [shortened(label, _MOST_LETTERS) for label in labels]
    title = 'entries common to two deltas (diagonal: entries of each)'
    draw_heat_map(axes, cells, title, '% of the entries in either')
    name_cells(axes, names, names)
    texts = _texts(cells)
    for index, size in enumerate(sizes):
        texts[index][index] = f'{size:,}'
    number_cells(axes, cells, texts)


def _texts(cells: np.ndarray) -> list[list[str]]:
    return [
        ['' if np.isnan(value) else f'{value:.1f}' for value in row]
        for row in cells
    ]
