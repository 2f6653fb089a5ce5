# Copyright (c) gps_seg contributors. Apache-2.0.
"""The overlap of deltas by kind of layer and by pair."""

import math
import os
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import TypeVar

from gps_seg.delta.delta import Delta
from gps_seg.delta.overlap import Overlap, overlap
from gps_seg.sparse.summary import Place, locate
from gps_seg.text.table import aligned

_Key = TypeVar('_Key', bound=Hashable)


def labels_of(paths: Sequence[str | os.PathLike[str]]) -> list[str]:
    """Short, different names for delta files.

    They are the names of the files, or the names of their folders if the file
    names do not differ, or the paths if neither do.
    """
    files = [Path(path) for path in paths]
    for names in (
        [file.stem for file in files],
        [file.absolute().parent.name for file in files],
    ):
        if len(set(names)) == len(names):
            return names
    return [str(file) for file in files]


def overlap_by_place(deltas: Sequence[Delta]) -> dict[Place, Overlap]:
    """Overlap in each block and kind of layer.

    Raises:
        ValueError: See :func:`~gps_seg.delta.overlap.overlap`.
    """
    *rows, _ = overlap(deltas)
    groups = _grouped(rows, lambda row: locate(row.name))
    return {
        place: _sum('.'.join(filter(None, place)), members)
        for place, members in groups.items()
    }


def overlap_by_kind(rows: Sequence[Overlap]) -> list[Overlap]:
    """The rows of :func:`~gps_seg.delta.overlap.overlap`, by kind of layer.

    Kinds outside the blocks come first; the total stays last.
    """
    *weights, total = rows
    weights.sort(key=lambda row: bool(locate(row.name).block))
    groups = _grouped(weights, lambda row: locate(row.name).kind)
    return [*(_sum(kind, rows) for kind, rows in groups.items()), total]


def pairwise_shares(deltas: Sequence[Delta]) -> list[list[float]]:
    """Share of common entries of each pair of deltas, in [0, 1].

    Returns:
        A symmetric matrix with 1 on its diagonal.

    Raises:
        ValueError: See :func:`~gps_seg.delta.overlap.overlap`.
    """
    shares = [[1.0] * len(deltas) for _ in deltas]
    for i, j in combinations(range(len(deltas)), 2):
        share = overlap([deltas[i], deltas[j]])[-1].share
        shares[i][j] = shares[j][i] = share
    return shares


def expected_common(deltas: Sequence[Delta]) -> dict[str, float]:
    """Expected number of common entries of random selections.

    A random selection has as many entries in a weight as its delta, drawn
    uniformly and independently. If each neuron has k entries, it makes no
    difference whether they are drawn from the weight or from the neurons.

    Returns:
        Expected number, by name of the weight.
    """
    shapes = {n: s for d in deltas for n, s in d.selection.shapes.items()}
    expected = {}
    for name, shape in shapes.items():
        numel = max(1, shape.numel())
        shares = (len(d.selection.get(name, ())) / numel for d in deltas)
        expected[name] = numel * math.prod(shares)
    return expected


def format_overlap(deltas: Sequence[Delta], labels: Sequence[str]) -> str:
    """Make a table by kind of layer; for three or more deltas also by pair.

    Raises:
        ValueError: If no delta has selected entries; for other reasons see
            :func:`~gps_seg.delta.overlap.overlap`.
    """
    rows = overlap(deltas)
    if rows[-1].union == 0:
        raise ValueError(
            'deltas: expected selected entries, got only tensors that are '
            'replaced whole or added. Only selections overlap.'
        )
    tables = [_kind_table(rows, expected_common(deltas))]
    if len(deltas) > 2:
        tables.append(_pair_table(pairwise_shares(deltas), labels))
    return '\n\n'.join(tables)


def _kind_table(rows: Sequence[Overlap], expected: Mapping[str, float]) -> str:
    by_kind: dict[str, float] = {'total': sum(expected.values())}
    for name, number in expected.items():
        kind = locate(name).kind
        by_kind[kind] = by_kind.get(kind, 0.0) + number
    head = (
        'kind',
        'entries',
        'in all',
        'expected at random',
        'in any',
        'share',
    )
    lines = [
        (
            row.name,
            _range(row.sizes),
            f'{row.common:,}',
            f'{by_kind[row.name]:,.1f}',
            f'{row.union:,}',
            f'{100 * row.share:.1f} %',
        )
        for row in overlap_by_kind(rows)
    ]
    return aligned([head, *lines])


def _pair_table(
    shares: Sequence[Sequence[float]], labels: Sequence[str]
) -> str:
    lines = [
        (label, *(f'{100 * share:.1f} %' for share in row))
        for label, row in zip(labels, shares, strict=True)
    ]
    return aligned([('share of', *labels), *lines])


def _range(sizes: tuple[int, ...]) -> str:
    low, high = min(sizes), max(sizes)
    return f'{low:,}' if low == high else f'{low:,} .. {high:,}'


def _grouped(
    rows: Iterable[Overlap], key: Callable[[Overlap], _Key]
) -> dict[_Key, list[Overlap]]:
    groups: dict[_Key, list[Overlap]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def _sum(name: str, rows: Sequence[Overlap]) -> Overlap:
    sizes = zip(*(row.sizes for row in rows), strict=True)
    return Overlap(
        name,
        tuple(map(sum, sizes)),
        sum(row.common for row in rows),
        sum(row.union for row in rows),
    )
