# Copyright (c) gps_seg contributors. Apache-2.0.
"""The selected entries that several deltas have in common."""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from gps_seg.delta.delta import Delta


class Overlap(NamedTuple):
    """Selected entries that deltas share.

    Args:
        name: Name of the weight, or ``'total'``.
        sizes: Number of entries of each delta.
        common: Number of entries that all deltas have.
        union: Number of entries that at least one delta has.
    """

    name: str
    sizes: tuple[int, ...]
    common: int
    union: int

    def __repr__(self) -> str:
        return (
            f'Overlap({self.name}: {self.common:,} of {self.union:,} entries '
            f'in common, {self.share:.1%})'
        )

    @property
    def share(self) -> float:
        """Common entries as a share of the union, in [0, 1]; 0 if empty."""
        return self.common / self.union if self.union else 0.0


def overlap(deltas: Sequence[Delta]) -> list[Overlap]:
    """Compare deltas: one row per weight with selected entries, then a total.

    Tensors that are replaced whole have no selection and are left out.

    Args:
        deltas: Two or more deltas of one base.

    Raises:
        ValueError: If there are fewer than two deltas, or the shapes of a
            weight differ.

    Example:
        >>> from gps_seg.delta import extract
        >>> base = {'weight': torch.zeros(2, 4)}
        >>> one = extract(base, {'weight': torch.eye(2, 4)})
        >>> tuned = {'weight': torch.tensor([[1.0, 0, 0, 0], [1, 0, 0, 0]])}
        >>> overlap([one, extract(base, tuned)])[-1]
        Overlap(total: 1 of 3 entries in common, 33.3%)
    """
    if len(deltas) < 2:
        raise ValueError(
            f'deltas: expected two or more to compare, got {len(deltas)}.'
        )
    names = sorted({name for delta in deltas for name in delta.selection})
    rows = [_overlap_in(name, deltas) for name in names]
    sizes = [sum(row.sizes[i] for row in rows) for i in range(len(deltas))]
    common = sum(row.common for row in rows)
    union = sum(row.union for row in rows)
    return [*rows, Overlap('total', tuple(sizes), common, union)]


def _overlap_in(name: str, deltas: Sequence[Delta]) -> Overlap:
    selections = [d.selection for d in deltas if name in d.selection]
    shapes = {tuple(selection.shapes[name]) for selection in selections}
    if len(shapes) > 1:
        raise ValueError(
            f'deltas: expected weights of one shape, got {sorted(shapes)} '
            f'({name}). Compare deltas of one base.'
        )
    indices = [selection[name] for selection in selections]
    _, counts = torch.cat(indices).unique(return_counts=True)
    sizes = tuple(len(d.selection.get(name, ())) for d in deltas)
    common = int((counts == len(deltas)).sum())
    return Overlap(name, sizes, common, len(counts))
