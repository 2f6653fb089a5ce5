# Copyright (c) gps_seg contributors. Apache-2.0.
"""A picture of a selection: where in a network the selected entries are."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from gps_seg.sparse import Selection
from gps_seg.sparse.summary import (
    Place,
    distinct_columns,
    fan_in,
    locate,
    summarize_selection,
    total_row,
)
from gps_seg.text.short import short_count
from gps_seg.visualization.figure import new_figure, save_figure
from gps_seg.visualization.palette import INK, MUTED
from gps_seg.visualization.selection.heat_map import (
    draw_heat_map,
    name_cells,
    number_cells,
)
from gps_seg.visualization.selection.place_matrix import (
    PlaceMatrix,
    natural_order,
    place_matrix,
    short_names,
)

NUM_BINS = 64
_MOST_OUTSIDE = 3  # kinds of layers that are named outside the blocks


def plot_selection(selection: Selection, out: str | os.PathLike[str]) -> Path:
    """Draw a selection over the network, and inside one weight.

    The upper matrix has a cell for each block and kind of layer. It shows the
    number of distinct inputs of the selected connections, and as colour their
    share of the layer's inputs. The lower matrix shows the places of the
    connections in one weight. It is a weight of the middle block, of the kind
    with the most connections.

    Args:
        selection: Selected entries.
        out: Name of the picture (.png, .svg or .pdf).

    Returns:
        The path written.

    Raises:
        ValueError: If the selection has no weights, or the name has another
            ending.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> import torch
        >>> mask = torch.eye(4, dtype=torch.bool)
        >>> selection = Selection.from_masks({'layers.0.fc1.weight': mask})
        >>> with TemporaryDirectory() as folder:
        ...     plot_selection(selection, f'{folder}/selection.svg').name
        'selection.svg'
    """
    total = total_row(summarize_selection(selection))
    counts = {
        locate(name): distinct_columns(indices, selection.shapes[name])
        for name, indices in selection.items()
    }
    matrix = place_matrix(counts)
    height = max(2.0, 0.21 * len(matrix.blocks) + 1.2)
    figure = new_figure(7.2, height + 3.0)
    upper, lower = figure.subplots(2, 1, height_ratios=[height, 3.0])
    _draw_blocks(upper, selection, matrix)
    _draw_example(lower, selection, _example(selection, matrix))
    figure.suptitle(
        f'{total.num_selected:,} of {short_count(total.num_weights)} weights '
        f'selected ({100 * total.density:.3g} %)',
        fontsize=11,
        color=INK,
    )
    return save_figure(figure, out)


def bin_counts(
    indices: Tensor,  # shape: (num_selected,)
    shape: tuple[int, int],
) -> np.ndarray:  # shape: (min(rows, 64), min(columns, 64))
    """Count the entries in each bin of a weight.

    Args:
        indices: Flat indices into the weight.
        shape: Rows and columns of the weight.
    """
    num_rows, num_columns = shape
    bins = (min(num_rows, NUM_BINS), min(num_columns, NUM_BINS))
    flat = indices.numpy()
    row = flat // num_columns * bins[0] // num_rows
    column = flat % num_columns * bins[1] // num_columns
    counts = np.bincount(row * bins[1] + column, minlength=bins[0] * bins[1])
    return counts.reshape(bins)


def _draw_blocks(
    axes: Axes, selection: Selection, counts: PlaceMatrix
) -> None:
    shares = {
        locate(name): 100
        * distinct_columns(indices, selection.shapes[name])
        / max(1, fan_in(selection.shapes[name]))
        for name, indices in selection.items()
    }
    cells = place_matrix(shares).cells
    title = 'distinct inputs of the selected connections (numbers)'
    draw_heat_map(axes, cells, title, "% of the layer's inputs")
    name_cells(axes, counts.blocks, counts.kinds)
    texts = [
        ['' if np.isnan(count) else f'{count:.0f}' for count in row]
        for row in counts.cells
    ]
    number_cells(axes, cells, texts)
    note = _outside(selection, counts.rest)
    axes.set_xlabel(note, fontsize=8, color=MUTED)


def _outside(selection: Selection, rest: Sequence[Place]) -> str:
    """A line about the connections outside the rows."""
    inside: Counter[str] = Counter()
    for name, indices in selection.items():
        if locate(name) in rest:
            inside[locate(name).kind] += len(indices)
    parts = [
        f'{kind}: {number:,}'
        for kind, number in inside.most_common(_MOST_OUTSIDE)
    ]
    if len(inside) > len(parts):
        parts.append(f'{len(inside) - len(parts)} more')
    return f'outside the blocks: {", ".join(parts)}' if parts else ''


def _example(selection: Selection, matrix: PlaceMatrix) -> str:
    """A weight of the middle block, of the kind with most connections."""
    names = [name for name in selection if locate(name) not in matrix.rest]
    entries: Counter[str] = Counter()
    for name in names:
        entries[locate(name).kind] += len(selection[name])
    (kind, _), *_ = entries.most_common(1)
    names = [name for name in names if locate(name).kind == kind]
    names.sort(key=natural_order)
    return names[len(names) // 2]


def _draw_example(axes: Axes, selection: Selection, name: str) -> None:
    shape = selection.shapes[name]
    rows, columns = shape[0], fan_in(shape)
    counts = bin_counts(selection[name], (rows, columns))
    block, kind = locate(name)
    place = ' '.join([block, *short_names([kind])]).strip()
    title = f'example: {place}, {len(selection[name]):,} connections'
    bins = ' x '.join(
        f'{size / num:.3g} {unit}'
        for size, num, unit in zip(
            (rows, columns), counts.shape, ('neurons', 'inputs'), strict=True
        )
    )
    unit = f'connections per cell\n({bins})'
    draw_heat_map(axes, counts, title, unit, extent=(rows, columns))
    axes.set_ylabel('neuron', fontsize=9, color=INK)
    axes.set_xlabel('input', fontsize=9, color=INK)
