# Copyright (c) gps_seg contributors. Apache-2.0.
"""Keep a delta's values in half the bits, knowingly."""

from dataclasses import replace

import torch

from gps_seg.delta.change import Change
from gps_seg.delta.delta import Delta
from gps_seg.delta.values import Exact

HALF_PRECISION = (torch.float16, torch.bfloat16)


def rounded(delta: Delta, dtype: torch.dtype) -> Delta:
    """A delta with all float values rounded to half precision.

    This is the step that loses bits: the result says so
    (``is_lossless`` is False), is applied as it was rounded, and is saved and
    loaded without further loss. The base of a model is never rounded: what
    is not in the delta keeps all its bits, and reverting stays exact.

    Args:
        delta: Delta with values as they were trained.
        dtype: ``torch.float16``, which keeps 11 significant bits of numbers
            up to 65504, or ``torch.bfloat16``, 8 bits of any float32.

    Raises:
        ValueError: If it is another dtype, or a value does not fit float16.
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
