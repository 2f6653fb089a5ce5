# Copyright (c) gps_seg contributors. Apache-2.0.
"""Keep differences to the base in 1, 2, 4 or 8 bits each.

Each tensor has levels of its own, either even or fitted by k-means in one
dimension, after "Revisiting the Parameter Efficiency of Adapters from the
Perspective of Precision Redundancy" (Jie et al., ICCV 2023), who find that
what a task adds to a network survives far fewer bits than the network.
"""

from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from gps_seg.delta.base.matching import base_values
from gps_seg.delta.base.sources import Source
from gps_seg.delta.change import Change
from gps_seg.delta.delta import Delta
from gps_seg.delta.format.records import BITS
from gps_seg.delta.values import Coded, level_table

Levels = Literal['kmeans', 'uniform']
_ITERATIONS = 50


def quantized(
    base: Source,
    delta: Delta,
    *,
    bits: int,
    levels: Levels = 'kmeans',
) -> Delta:
    """A delta whose float values are coded differences to the base.

    Like :func:`~gps_seg.delta.rounding.rounded` it loses bits once, here.
    Integers, tensors that are new in the task, and tensors with fewer
    entries than levels are kept as they are.

    Args:
        base: Model or state dict, without a delta.
        delta: Made for this base.
        bits: Per value: 1, 2, 4 or 8.
        levels: ``'kmeans'`` fits ``2 ** bits`` levels to each tensor and
            writes them all; ``'uniform'`` puts them evenly between the least
            and the greatest difference and writes those two.

    Raises:
        ValueError: If it is not the base of the delta, or an option is
            none of these.
    """
    if bits not in BITS:
        raise ValueError(f'bits: expected one of {BITS}, got {bits}.')
    if levels not in ('kmeans', 'uniform'):
        raise ValueError(
            f"levels: expected 'kmeans' or 'uniform', got {levels!r}."
        )
    old = delta.without_new()
    start = base_values(base, old)
    changes = dict(delta.changes)
    for name, change in old.changes.items():
        if change.dtype.is_floating_point and len(change.values) >= 2**bits:
            changes[name] = _quantize(change, start[name], bits, levels)
    return replace(delta, changes=changes)


def _quantize(
    change: Change,
    base: Tensor,  # shape: (num_entries,)
    bits: int,
    levels: Levels,
) -> Change:
    tuned = change.values.resolve(base)
    difference = (tuned.double() - base.double()).cpu()
    if levels == 'kmeans':
        numbers = kmeans_levels(difference, 2**bits).float()
    else:
        numbers = torch.stack(difference.aminmax()).float()
    codes = _nearest(difference, level_table(numbers, bits).double())
    values = Coded(codes.to(torch.uint8), numbers, bits)
    return replace(change, values=values)


def kmeans_levels(
    values: Tensor,  # shape: (n,), float64, n >= num_levels
    num_levels: int,
) -> Tensor:  # shape: (num_levels,), increasing
    """Levels with the least squared distance to the values, locally.

    Lloyd's algorithm in one dimension: clusters are stretches of the sorted
    values, so that their means come from sums over prefixes. It starts at
    evenly spaced quantiles and draws nothing at random.
    """
    ordered = values.sort().values
    sums = torch.cat([ordered.new_zeros(1), ordered.cumsum(0)])
    middles = (torch.arange(num_levels, dtype=torch.float64) + 0.5) / (
        num_levels / len(values)
    )
    levels = ordered[middles.long()]
    for _ in range(_ITERATIONS):
        cuts = torch.searchsorted(ordered, (levels[1:] + levels[:-1]) / 2)
        ends = torch.cat(
            [cuts.new_zeros(1), cuts, cuts.new_full((1,), len(values))]
        )
        counts = ends.diff()
        means = sums[ends].diff() / counts.clamp(min=1)
        moved = torch.where(counts > 0, means, levels)
        if torch.equal(moved, levels):
            break
        levels = moved
    return levels


def _nearest(
    values: Tensor,  # shape: (n,)
    levels: Tensor,  # shape: (num_levels,), increasing
) -> Tensor:  # shape: (n,)
    return torch.searchsorted((levels[1:] + levels[:-1]) / 2, values)
