# Copyright (c) gps_seg contributors. Apache-2.0.
"""The tensors in which two deltas differ, and by how much."""

from collections.abc import Sequence
from dataclasses import fields
from typing import NamedTuple

import torch
from torch import Tensor

from gps_seg.delta.base.matching import base_values
from gps_seg.delta.base.sources import Source
from gps_seg.delta.change import Change, same_bits
from gps_seg.delta.delta import Delta
from gps_seg.delta.info import DeltaInfo
from gps_seg.delta.merging import new_values, resolved
from gps_seg.delta.sketch import agree
from gps_seg.delta.values import Coded
from gps_seg.text.table import aligned


class Difference(NamedTuple):
    """One tensor in two deltas.

    Args:
        name: Name of the tensor.
        sizes: Number of entries that each delta changes; 0 if it does not
            have the tensor.
        common: Number of entries that both change.
        largest: Largest absolute difference of the new values at the common
            entries; None if there are none, or if only one of the deltas is
            quantized and the base is unknown.
        is_equal: Whether both have the same entries with the same bits.
        same_base: Whether both were made from the same values, up to the
            rounding of another kind of processor; None if this is unknown,
            because the entries differ and the base is not recorded in full.
    """

    name: str
    sizes: tuple[int, int]
    common: int
    largest: float | None
    is_equal: bool
    same_base: bool | None

    @property
    def share(self) -> float:
        """Common entries as a share of the union, in [0, 1]."""
        union = sum(self.sizes) - self.common
        return self.common / union if union else 1.0


def differences(
    one: Delta, other: Delta, base: Source | None = None
) -> list[Difference]:
    """Compare two deltas: one row for each tensor of either, by name.

    A tensor that neither changes has a row if its values differ between the
    two bases.

    Args:
        one: Any delta.
        other: Delta of a model with the same names.
        base: Model or state dict from which both were made; only needed if
            one of the deltas is quantized and the other is not.

    Raises:
        ValueError: If ``base`` is not the base of both.
    """
    values = [_new_values(delta, base) for delta in (one, other)]
    same_base = _same_base(one, other)
    strangers = {name for name, is_same in same_base.items() if not is_same}
    rows = []
    for name in sorted(strangers | one.changes.keys() | other.changes.keys()):
        if name in one.changes and name in other.changes:
            pair = (one.changes[name], other.changes[name])
            known = (values[0].get(name), values[1].get(name))
            row = _compare(name, pair, known)
        else:
            sizes = [_size(delta.changes.get(name)) for delta in (one, other)]
            row = Difference(name, (sizes[0], sizes[1]), 0, None, False, None)
        rows.append(row._replace(same_base=same_base.get(name, row.same_base)))
    return rows


def _same_base(one: Delta, other: Delta) -> dict[str, bool]:
    """Whether the bases have equal tensors, by name, if both are known."""
    first, second = one.base_digests, other.base_digests
    return {
        name: first[name] == second[name]
        or agree(one.sketches.get(name), other.sketches.get(name))
        for name in first.keys() & second.keys()
    }


def differing_facts(one: DeltaInfo, other: DeltaInfo) -> list[str]:
    """Names of the fields in which two ``info`` differ."""
    names = [field.name for field in fields(DeltaInfo)]
    return [n for n in names if getattr(one, n) != getattr(other, n)]


def format_differences(rows: Sequence[Difference]) -> str:
    """The totals, then a line per tensor that differs."""
    unequal = [row for row in rows if not row.is_equal]
    sizes = [sum(row.sizes[i] for row in rows) for i in (0, 1)]
    common = sum(row.common for row in rows)
    total = Difference('all', (sizes[0], sizes[1]), common, None, True, None)
    lines = [
        f'{len(rows) - len(unequal)} of {len(rows)} tensors are equal, '
        f'entries in common: {common:,} ({100 * total.share:.1f} %)'
    ]
    if unequal:
        head = ('tensor', 'entries', 'other', 'common', 'max |difference|')
        lines += ['', aligned([head, *map(_cells, unequal)])]
    strangers = [row.name for row in rows if row.same_base is False]
    if strangers:
        lines += [
            '',
            f'The deltas have different bases: {len(strangers)} tensors had '
            f'other values ({strangers[0]}, ...).',
        ]
    return '\n'.join(lines)


def _new_values(delta: Delta, base: Source | None) -> dict[str, Tensor]:
    """The new values of a delta that are known."""
    coded = {
        name
        for name, change in delta.changes.items()
        if isinstance(change.values, Coded) and change.base is not None
    }
    values = {
        name: new_values(name, change)
        for name, change in delta.changes.items()
        if name not in coded
    }
    if base is not None:
        old = delta.without_new()
        found = resolved(old, base_values(base, old))
        values.update({name: found[name].cpu() for name in coded})
    return values


def _compare(
    name: str,
    pair: tuple[Change, Change],
    known: tuple[Tensor | None, Tensor | None],
) -> Difference:
    one, other = pair
    sizes = (len(one.values), len(other.values))
    if (one.shape, one.dtype) != (other.shape, other.dtype):
        return Difference(name, sizes, 0, None, False, None)
    same_entries = _same_entries(one.indices, other.indices)
    same_base = one.base == other.base if same_entries else None
    places = _common(one, other)
    values = _comparable(pair, known)
    if values is None:
        common = len(places[0])
        return Difference(name, sizes, common, None, False, same_base)
    first, second = (v[p] for v, p in zip(values, places, strict=True))
    gap = (first.double() - second.double()).abs()
    return Difference(
        name,
        sizes,
        common=len(gap),
        largest=float(gap.max()) if len(gap) else None,
        is_equal=same_entries and same_bits(first, second),
        same_base=same_base,
    )


def _comparable(
    pair: tuple[Change, Change],
    known: tuple[Tensor | None, Tensor | None],
) -> tuple[Tensor, Tensor] | None:
    """Numbers whose differences are those of the new values."""
    if known[0] is not None and known[1] is not None:
        return known[0], known[1]
    one, other = pair[0].values, pair[1].values
    if isinstance(one, Coded) and isinstance(other, Coded):
        # Both are relative to the base, which cancels out.
        return one.table()[one.codes.long()], other.table()[other.codes.long()]
    return None


def _same_entries(one: Tensor | None, other: Tensor | None) -> bool:
    if one is None or other is None:
        return one is other
    return torch.equal(one, other)


def _common(one: Change, other: Change) -> tuple[Tensor, Tensor]:
    """Positions of the common entries, in the order of each delta."""
    first, second = _indices(one), _indices(other)
    return (
        torch.isin(first, second).nonzero().flatten(),
        torch.isin(second, first).nonzero().flatten(),
    )


def _indices(change: Change) -> Tensor:
    if change.indices is None:
        return torch.arange(change.shape.numel())
    return change.indices


def _size(change: Change | None) -> int:
    return 0 if change is None else len(change.values)


def _cells(row: Difference) -> tuple[str, ...]:
    return (
        row.name,
        f'{row.sizes[0]:,}',
        f'{row.sizes[1]:,}',
        f'{100 * row.share:.1f} %',
        '-' if row.largest is None else f'{row.largest:.3g}',
    )
