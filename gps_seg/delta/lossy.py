# Copyright (c) gps_seg contributors. Apache-2.0.
"""Smaller deltas: values in half precision, or differences in a few bits.

Only this module loses bits. The result is marked (``is_lossless`` is False),
and it is saved, loaded and applied without further loss. Entries that are not
in the delta keep all their bits, so that reverting stays exact.
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
from gps_seg.delta.values import Coded, Exact, level_table

HALF_PRECISION = (torch.float16, torch.bfloat16)
Levels = Literal['kmeans', 'uniform']
_ITERATIONS = 50


def rounded(delta: Delta, dtype: torch.dtype) -> Delta:
    """Round all float values of a delta to half precision.

    Args:
        delta: Delta with trained values.
        dtype: ``torch.float16`` (11 significant bits, numbers up to 65504)
            or ``torch.bfloat16`` (8 bits, the range of float32).

    Raises:
        ValueError: If the dtype is another one, or a value is too large for
            float16.

    Example:
        >>> from gps_seg.delta import extract
        >>> base, tuned = {'bias': torch.zeros(1)}, {'bias': torch.ones(1) / 3}
        >>> half = rounded(extract(base, tuned), torch.float16)
        >>> half.changes['bias'].storage, half.is_lossless
        ('float32 as float16', False)
    """
    if dtype not in HALF_PRECISION:
        raise ValueError(
            f'dtype: expected one of {HALF_PRECISION}, got {dtype}.'
        )
    changes = {n: _round(c, dtype) for n, c in delta.changes.items()}
    return replace(delta, changes=changes)


def _round(change: Change, dtype: torch.dtype) -> Change:
    values = change.values
    if not isinstance(values, Exact) or values.numbers.element_size() <= 2:
        return change
    if not values.numbers.is_floating_point():
        return change
    return replace(change, values=Exact(values.numbers.to(dtype)))


def quantized(
    base: Source,
    delta: Delta,
    *,
    bits: int,
    levels: Levels = 'kmeans',
) -> Delta:
    """Code the float values of a delta as differences from the base.

    Each tensor has its own levels. "Revisiting the Parameter Efficiency of
    Adapters from the Perspective of Precision Redundancy" (Jie et al., ICCV
    2023) finds that the parameters that a task adds to a network need far
    fewer bits than the network. The base of what was added to the model is
    zero. Integers, other new tensors (such as those of a head) and tensors
    with fewer entries than levels are not changed.

    Args:
        base: Model or state dict, without a delta.
        delta: Delta of this base.
        bits: Bits per value: 1, 2, 4 or 8.
        levels: ``'kmeans'`` fits ``2 ** bits`` levels to each tensor and
            stores all of them. ``'uniform'`` spaces them evenly between the
            smallest and the largest difference and stores only those two.

    Raises:
        ValueError: If ``base`` is not the base of the delta, or an option is
            unknown.

    Example:
        >>> from gps_seg.delta import extract, merged_state
        >>> base = {'bias': torch.zeros(5)}
        >>> tuned = {'bias': torch.tensor([0.9, 1.0, 1.1, 4.0, 4.0])}
        >>> small = quantized(base, extract(base, tuned), bits=1)
        >>> merged_state(base, small)['bias']
        tensor([1., 1., 1., 4., 4.])
    """
    if bits not in BITS:
        raise ValueError(f'bits: expected one of {BITS}, got {bits}.')
    if levels not in ('kmeans', 'uniform'):
        raise ValueError(
            f"levels: expected 'kmeans' or 'uniform', got {levels!r}."
        )
    old = delta.without_new()
    start = base_values(base, old)
    for name in delta.added:
        start[name] = torch.zeros(delta.changes[name].shape.numel())
    changes = dict(delta.changes)
    for name in start:
        change = delta.changes[name]
        if change.base is None and isinstance(change.values, Coded):
            continue  # few values, with which the model computes
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
    """Find levels with a locally minimal squared distance to the values.

    This is Lloyd's algorithm in one dimension. Clusters are ranges of the
    sorted values, so that prefix sums give their means. It starts at evenly
    spaced quantiles and is not random.
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
