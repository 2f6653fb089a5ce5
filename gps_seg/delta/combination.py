# Copyright (c) gps_seg contributors. Apache-2.0.
"""Weighted sums of deltas of one base.

The sum is ``base + sum_i weight_i * (tuned_i - base)``, for each entry over
the deltas that have it. It is computed in float64 as
``(1 - sum_i weight_i) * base + sum_i weight_i * tuned_i``: a weight of 0 gives
the base, a single weight of 1 the tuned value, bit for bit.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from gps_seg.delta.attaching import require_nothing_added
from gps_seg.delta.base.matching import base_values
from gps_seg.delta.base.sources import Source, find_tensors
from gps_seg.delta.change import (
    Change,
    digest,
    entries_of,
    same_bits,
)
from gps_seg.delta.delta import Delta
from gps_seg.delta.fingerprint import fingerprint_of
from gps_seg.delta.info import DeltaInfo
from gps_seg.delta.merging import resolved
from gps_seg.delta.values import Exact


def scaled(base: Source, delta: Delta, alpha: float) -> Delta:
    """Scale a delta: the weight-space ensemble of base and tuned model.

    The result is ``(1 - alpha) * base + alpha * tuned``, as in WiSE-FT
    (Wortsman et al., CVPR 2022): the base at 0 and the tuned model at 1, both
    bit for bit; beyond 1 it extrapolates. A new tensor has no base and is the
    same at every ``alpha``.

    Args:
        base: Model or state dict, without a delta.
        delta: Delta of this base.
        alpha: Share of the tuned model.

    Raises:
        ValueError: If ``base`` is not the base of the delta, or ``alpha`` is
            not finite or so large that a value overflows; or if the delta
            adds modules to the model.

    Example:
        >>> from gps_seg.delta import extract, merged_state
        >>> base, tuned = {'bias': torch.zeros(2)}, {'bias': torch.ones(2)}
        >>> half = scaled(base, extract(base, tuned), 0.5)
        >>> merged_state(base, half)
        {'bias': tensor([0.5000, 0.5000])}
    """
    combined = combine(base, [delta], [alpha])
    return replace(combined, info=replace(delta.info, metric={}))


def combine(
    base: Source,
    deltas: Sequence[Delta],
    weights: Sequence[float],
    info: DeltaInfo | None = None,
) -> Delta:
    """Compute the weighted sum of deltas, which has the entries of all.

    Integers (counters of BatchNorm) are rounded. A new tensor is not summed:
    the deltas that have it must agree on it.

    Args:
        base: Model or state dict, without a delta.
        deltas: Deltas of this base.
        weights: Finite weights of any sign, one per delta.
        info: Facts about the result.

    Raises:
        ValueError: If a delta belongs to another base or adds modules, weights
            do not fit, a value overflows, or new tensors differ.

    Example:
        >>> from gps_seg.delta import extract, merged_state
        >>> base = {'bias': torch.zeros(4)}
        >>> one = extract(base, {'bias': torch.tensor([1.0, 1, 0, 0])})
        >>> two = extract(base, {'bias': torch.tensor([0.0, 1, 1, 0])})
        >>> merged_state(base, combine(base, [one, two], [1.0, 2.0]))
        {'bias': tensor([1., 3., 2., 0.])}
    """
    require_nothing_added('combine', *deltas)
    if len(deltas) != len(weights) or not deltas:
        raise ValueError(
            'weights: expected one for each of one or more deltas, got '
            f'{len(weights)} weights for {len(deltas)} deltas.'
        )
    if not all(-float('inf') < weight < float('inf') for weight in weights):
        raise ValueError(f'weights: expected finite ones, got {weights}.')
    parts: dict[str, list[_Part]] = {}
    for delta, weight in zip(deltas, weights, strict=True):
        old = delta.without_new()
        for name, values in resolved(old, base_values(base, old)).items():
            part = _Part(old.changes[name], values.cpu(), float(weight))
            parts.setdefault(name, []).append(part)
    tensors = find_tensors(base, parts)
    changes = _agreed_on_new(deltas, parts)
    for name, contributions in parts.items():
        changes[name] = _combine_one(tensors[name], contributions)
    known = _known_of_base(deltas, tensors)
    sketches = {n: s for delta in deltas for n, s in delta.sketches.items()}
    return Delta(changes, info or DeltaInfo(), known, sketches)


def _known_of_base(
    deltas: Sequence[Delta], tensors: Mapping[str, Tensor]
) -> dict[str, str] | None:
    """The union of the fingerprints; None if no delta has one."""
    if all(delta.fingerprint is None for delta in deltas):
        return None
    known: dict[str, str] = {}
    for delta in deltas:
        known.update(delta.base_digests)
    rest = {n: t for n, t in tensors.items() if n not in known}
    return {**known, **fingerprint_of(rest)}


class _Part(NamedTuple):
    change: Change
    values: Tensor  # in the dtype of the model
    weight: float


def _agreed_on_new(
    deltas: Sequence[Delta], others: Collection[str]
) -> dict[str, Change]:
    changes: dict[str, Change] = {}
    for delta in deltas:
        for name in delta.new:
            change = delta.changes[name]
            if name in others or not _is_same(
                change, changes.setdefault(name, change)
            ):
                raise ValueError(
                    'deltas: expected equal values of a tensor that has no '
                    f'base, got different ones ({name}). Remove it from all '
                    'deltas but one with Delta.restricted.'
                )
    return changes


def _is_same(one: Change, other: Change) -> bool:
    if (one.shape, one.dtype) != (other.shape, other.dtype):
        return False
    zeros = torch.zeros(len(one.values), dtype=one.dtype)
    return same_bits(one.values.resolve(zeros), other.values.resolve(zeros))


def _combine_one(tensor: Tensor, parts: list[_Part]) -> Change:
    indices = _union([part.change.indices for part in parts])
    base = entries_of(tensor, indices).cpu()
    values = _weighted(base, indices, [p for p in parts if p.weight != 0])
    known = digest(base, tensor.shape)
    return Change(tensor.shape, tensor.dtype, Exact(values), indices, known)


def _union(parts: list[Tensor | None]) -> Tensor | None:
    indices = [part for part in parts if part is not None]
    if len(indices) < len(parts):  # one replaces the tensor whole
        return None
    union: Tensor = torch.cat(indices).unique()
    return union


def _weighted(
    base: Tensor,  # shape: (num_entries,)
    indices: Tensor | None,
    parts: list[_Part],
) -> Tensor:  # shape: (num_entries,)
    total = torch.zeros(base.shape, dtype=torch.float64)
    share, count = torch.zeros_like(total), torch.zeros_like(total)
    kept = base.clone()
    for part in parts:
        place = _places(part.change.indices, indices)
        total[place] += part.weight * part.values.double()
        share[place] += part.weight
        count[place] += 1
        kept[place] = part.values
    mean = (1 - share) * base.double() + total
    if not base.is_floating_point():
        mean = mean.round()
    # Without a sum, the bits must stay, even those of -0.0.
    is_kept = (count == 0) | ((count == 1) & (share == 1))
    return torch.where(is_kept, kept, mean.to(base.dtype))


def _places(part: Tensor | None, indices: Tensor | None) -> Tensor | slice:
    """Positions of the entries of a part among all entries."""
    if part is None:
        return slice(None)
    return part if indices is None else torch.searchsorted(indices, part)
