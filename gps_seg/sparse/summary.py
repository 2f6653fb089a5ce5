# Copyright (c) gps_seg contributors. Apache-2.0.
"""Summary of a selection: a table of the entries per kind of layer.

Blocks and kinds are derived from parameter names, because a saved selection
has nothing else. They are only used in tables and pictures. Which parameters
train depends on module types, see ``rules.py``.
"""

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from gps_seg.sparse.selection import Selection
from gps_seg.sparse.training.parts import is_compressed
from gps_seg.text.table import aligned

# A block is a numbered container such as `layers.3`. Numbers and containers
# directly after it belong to it: `stages.0.blocks.1`, `stages.0.1`.
_BLOCK = re.compile(
    r'(?P<block>(?:[A-Za-z_]\w*\.)*?[A-Za-z_]\w*\.\d+'
    r'(?:\.(?:(?:layers?|blocks?)\.)?\d+)*)\.(?P<kind>[A-Za-z_].*)'
)
_LEAF = re.compile(r'[._]weight$')


class Place(NamedTuple):
    """Position of a parameter in a network.

    Args:
        block: Numbered block, such as ``layers.3``; empty outside the blocks.
        kind: Position inside the block, such as ``attn.qkv``; equal for
            corresponding layers of different blocks.
    """

    block: str
    kind: str


class KindRow(NamedTuple):
    """Selected entries of all layers of one kind.

    Args:
        kind: Kind of layer, see :class:`Place`.
        num_tensors: Number of weights of this kind.
        num_selected: Number of selected entries in them.
        num_weights: Number of all entries in them.
        mean_columns: Mean number of distinct selected columns in a weight.
        column_share: Mean share of these columns in the fan-in, in [0, 1].
        num_compressed: Number of weights whose gradient is computed only from
            these columns; for the others a dense gradient is computed,
            gathered and freed.
    """

    kind: str
    num_tensors: int
    num_selected: int
    num_weights: int
    mean_columns: float
    column_share: float
    num_compressed: int

    @property
    def density(self) -> float:
        """Share of the entries that are selected, in [0, 1]."""
        # A weight may be empty.
        return self.num_selected / max(1, self.num_weights)


def locate(name: str) -> Place:
    """Block and kind of a parameter, from its name.

    Example:
        >>> locate('backbone.stages.0.blocks.1.attn.w_msa.qkv.weight')
        Place(block='stages.0.blocks.1', kind='attn.w_msa.qkv')
        >>> locate('backbone.patch_embed.projection.weight')
        Place(block='', kind='patch_embed.projection')
    """
    path = _LEAF.sub('', name.removeprefix('backbone.'))
    match = _BLOCK.fullmatch(path)
    if match is None:
        return Place(block='', kind=path)
    return Place(**match.groupdict())


def fan_in(shape: torch.Size) -> int:
    """Connections of one neuron: entries of one slice along dim 0."""
    return math.prod(shape[1:])


def distinct_columns(indices: Tensor, shape: torch.Size) -> int:
    """Number of columns of a weight that have a selected entry.

    The weight is seen as a matrix of neurons x fan-in.

    Args:
        indices: Flat indices into the weight, shape (num_selected,).
        shape: Shape of the weight.
    """
    return len(indices.remainder(fan_in(shape)).unique())


def summarize_selection(selection: Selection) -> list[KindRow]:
    """One row per kind of layer; kinds outside the blocks come first."""
    names: dict[str, list[str]] = {}
    for name in sorted(selection, key=lambda name: bool(locate(name).block)):
        names.setdefault(locate(name).kind, []).append(name)
    return [_row(kind, selection, members) for kind, members in names.items()]


def total_row(rows: Sequence[KindRow]) -> KindRow:
    """The sum of the rows; columns are means over the weights.

    Raises:
        ValueError: If there are no rows.
    """
    num_tensors = sum(row.num_tensors for row in rows)
    if num_tensors == 0:
        raise ValueError(
            'rows: expected one or more kinds of layers, got none. Summarize '
            'a selection that has weights.'
        )
    return KindRow(
        'total',
        num_tensors,
        sum(row.num_selected for row in rows),
        sum(row.num_weights for row in rows),
        sum(row.mean_columns * row.num_tensors for row in rows) / num_tensors,
        sum(row.column_share * row.num_tensors for row in rows) / num_tensors,
        sum(row.num_compressed for row in rows),
    )


def format_table(rows: Sequence[KindRow]) -> str:
    """The rows and their total as aligned text, for a log.

    Raises:
        ValueError: If there are no rows.
    """
    head = [
        'kind',
        'tensors',
        'selected',
        'of weights',
        'columns',
        'of fan-in',
        'compressed',
    ]
    return aligned([head, *map(_cells, [*rows, total_row(rows)])])


def _row(kind: str, selection: Selection, names: list[str]) -> KindRow:
    shapes = [selection.shapes[name] for name in names]
    columns = [
        distinct_columns(selection[name], shape)
        for name, shape in zip(names, shapes, strict=True)
    ]
    shares = [
        count / max(1, fan_in(shape))
        for count, shape in zip(columns, shapes, strict=True)
    ]
    return KindRow(
        kind,
        len(names),
        sum(len(selection[name]) for name in names),
        sum(shape.numel() for shape in shapes),
        sum(columns) / len(names),
        sum(shares) / len(names),
        sum(
            len(shape) == 2 and is_compressed(count, fan_in(shape))
            for count, shape in zip(columns, shapes, strict=True)
        ),
    )


def _cells(row: KindRow) -> list[str]:
    return [
        row.kind,
        f'{row.num_tensors}',
        f'{row.num_selected:,}',
        f'{100 * row.density:.3f} %',
        f'{row.mean_columns:.1f}',
        f'{100 * row.column_share:.1f} %',
        f'{row.num_compressed}/{row.num_tensors}',
    ]
