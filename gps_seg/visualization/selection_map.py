# Copyright (c) gps_seg contributors. Apache-2.0.
"""Where in a network the selected entries lie."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, StrMethodFormatter
from torch import Tensor

from gps_seg.sparse.selection import Selection
from gps_seg.sparse.summary import (
    KindRow,
    distinct_columns,
    fan_in,
    locate,
    summarize_selection,
    total_row,
)
from gps_seg.visualization.figure import new_figure, save_figure, style_axes
from gps_seg.visualization.heat_map import natural_order
from gps_seg.visualization.palette import INK, PALETTE

NUM_BINS = 64
_MAX_MAPS = 10
_MAPS_PER_LINE = _MAX_MAPS // 2
_MAX_NUMBERED_CELLS = 240
_STEM = '(stem)'


def plot_selection(selection: Selection, out: str | os.PathLike[str]) -> Path:
    """Draw a selection: by block, by kind of layer, and inside the weights.

    Three parts: the distinct columns selected in each weight, as a share of
    its fan-in, blocks against kinds of layers; the entries selected per kind;
    and, for the kinds with most entries, where they lie in the weight of the
    middle block, rows against columns.

    Args:
        selection: The selected entries.
        out: Where the picture goes.

    Returns:
        The path written.

    Raises:
        ValueError: If the selection has no weights, or ``out`` is not
            named ``.png``.
    """
    rows = summarize_selection(selection)
    total = total_row(rows)
    blocks = _blocks(selection)
    height = max(3.4, 0.24 * len(blocks) + 1.6, 0.3 * len(rows) + 1.2)
    maps = sorted(rows, key=lambda row: -row.num_selected)[:_MAX_MAPS]
    map_lines = 1 if len(maps) <= _MAPS_PER_LINE else 2
    figure = new_figure(12, height + 3.0 * map_lines)
    upper, lower = figure.subfigures(
        2, 1, height_ratios=[height, 3.0 * map_lines], hspace=0.04
    )
    left, right = upper.subplots(1, 2, width_ratios=[1.5, 1])
    _draw_column_shares(left, selection, blocks, [row.kind for row in rows])
    _draw_counts(right, rows)
    grid = lower.subplots(map_lines, -(-len(maps) // map_lines), squeeze=False)
    _draw_maps(grid, selection, [row.kind for row in maps])
    figure.suptitle(
        f'{total.num_selected:,} of {total.num_weights:,} weights selected '
        f'({100 * total.density:.3g} %), weight tensors: {total.num_tensors}',
        fontsize=11,
        color=INK,
    )
    return save_figure(figure, out)


def bin_counts(
    indices: Tensor,  # shape: (num_selected,)
    shape: tuple[int, int],
) -> np.ndarray:  # shape: (min(rows, 64), min(columns, 64))
    """Entries per bin of a rows x columns weight.

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


def _blocks(selection: Selection) -> list[str]:
    """Blocks in the order of the network, ``''`` (outside them) first."""
    blocks = {locate(name).block for name in selection}
    return sorted(blocks, key=natural_order)


def _draw_column_shares(
    axes: Axes, selection: Selection, blocks: list[str], kinds: list[str]
) -> None:
    shares = np.full((len(blocks), len(kinds)), np.nan)
    counts = np.zeros(shares.shape, dtype=int)
    for name, indices in selection.items():
        block, kind = locate(name)
        cell = blocks.index(block), kinds.index(kind)
        shape = selection.shapes[name]
        counts[cell] = distinct_columns(indices, shape)
        shares[cell] = 100 * counts[cell] / fan_in(shape)
    image = axes.imshow(shares, cmap='viridis', vmin=0, aspect='auto')
    if shares.size <= _MAX_NUMBERED_CELLS:
        _number_cells(axes, shares, counts)
    axes.set_title(
        'distinct columns (number), share of fan-in (colour)',
        loc='left',
        fontsize=10,
        color=INK,
    )
    axes.set_xticks(
        range(len(kinds)), kinds, fontsize=7, rotation=25, ha='right'
    )
    axes.set_yticks(
        range(len(blocks)), [b or _STEM for b in blocks], fontsize=7
    )
    axes.spines[:].set_visible(False)
    bar = axes.figure.colorbar(image, ax=axes, shrink=0.9, pad=0.01)
    bar.ax.tick_params(labelsize=7)
    bar.set_label('% of fan-in', fontsize=8, color=INK)


def _number_cells(axes: Axes, shares: np.ndarray, counts: np.ndarray) -> None:
    bright = 0.6 * np.nanmax(shares)
    for (row, column), share in np.ndenumerate(shares):
        if np.isfinite(share):
            axes.text(
                column,
                row,
                f'{counts[row, column]}',
                ha='center',
                va='center',
                fontsize=7,
                color='black' if share > bright else 'white',
            )


def _draw_counts(axes: Axes, rows: list[KindRow]) -> None:
    style_axes(axes, 'selected entries per kind of layer')
    axes.grid(False, axis='y')
    kinds = [row.kind for row in rows]
    counts = [row.num_selected for row in rows]
    bars = axes.barh(kinds, counts, color=PALETTE[0], height=0.6)
    labels = [
        f' {row.num_selected:,}  ({100 * row.density:.2g} %)' for row in rows
    ]
    axes.bar_label(bars, labels, fontsize=7, color=INK)
    axes.invert_yaxis()
    axes.tick_params(axis='y', labelsize=7)
    axes.xaxis.set_major_formatter(StrMethodFormatter('{x:,.0f}'))
    axes.locator_params(axis='x', nbins=4)
    axes.set_xlim(right=1.45 * max(counts) or 1)


def _draw_maps(
    grid: np.ndarray, selection: Selection, kinds: list[str]
) -> None:
    for axes in grid.flat[len(kinds) :]:
        axes.axis('off')
    for axes, kind in zip(grid.flat, kinds, strict=False):
        _draw_map(axes, selection, _middle(selection, kind))
    grid[0, 0].set_ylabel('neuron (row)', fontsize=8, color=INK)


def _middle(selection: Selection, kind: str) -> str:
    """Name of the weight of a kind that lies in the middle of the network."""
    names = [name for name in selection if locate(name).kind == kind]
    names.sort(key=natural_order)
    return names[len(names) // 2]


def _draw_map(axes: Axes, selection: Selection, name: str) -> None:
    shape = selection.shapes[name]
    num_rows, num_columns = shape[0], fan_in(shape)
    counts = bin_counts(selection[name], (num_rows, num_columns))
    image = axes.imshow(
        counts,
        cmap='magma',
        aspect='auto',
        interpolation='nearest',
        extent=(0, num_columns, num_rows, 0),
        vmin=0,
        vmax=max(1, counts.max()),
    )
    block, kind = locate(name)
    axes.set_title(f'{kind}\n{block or _STEM}', fontsize=8, color=INK)
    axes.set_xlabel('column', fontsize=7, color=INK, labelpad=1)
    axes.tick_params(labelsize=6)
    axes.locator_params(nbins=4)
    bar = axes.figure.colorbar(
        image,
        ax=axes,
        pad=0.02,
        aspect=30,
        ticks=MaxNLocator(4, integer=True),
    )
    bar.ax.tick_params(labelsize=6)
    bar.set_label('entries per bin', fontsize=6, color=INK)
