# Copyright (c) gps_seg contributors. Apache-2.0.
"""Recognise a tensor up to rounding, by four numbers.

Some tensors of a base are not read from a file but computed when it is built,
such as a position embedding that is resized to another grid. Another kind of
processor rounds differently. Then their digests differ, although the models
are the same. Sketches of the tensors distinguish rounding from other weights.
"""

import hashlib
import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from gps_seg.delta.change import type_text

#: The norm and three projections, each a float32.
SKETCH_NUMBERS = 4
Sketch = tuple[float, ...]  # SKETCH_NUMBERS long
#: Relative to the norm. A resized entry is a sum of at most 16 products (an
#: error of 16 * 2**-24 = 1e-6), at a position that float32 represents to 4e-6
#: of a step between grid points: 1e-5 in total. Measured: 5e-7.
_TOLERANCE = 3e-5
#: In half precision, a few entries round to the other neighbour, which is
#: farther away.
_HALF_TOLERANCE = 3e-4
_FREQUENCIES = tuple(map(math.sqrt, (1, 2, 3)))
_WIDTH = 1024
_PIECE = 64 * _WIDTH


def sketch_of(tensor: Tensor) -> Sketch | None:
    """Compute the norm and three projections of a tensor, in float64.

    Returns:
        The sketch, or None for integers, for a tensor of zeros, and for a
        tensor with NaN or infinity. Such tensors must be equal bit for bit.
    """
    if not tensor.is_floating_point():
        return None
    flat = tensor.detach().reshape(-1)
    start = _start(tensor)
    sums = torch.zeros(SKETCH_NUMBERS, dtype=torch.float64, device='cpu')
    for offset in range(0, len(flat), _PIECE):
        piece = flat[offset : offset + _PIECE].to('cpu', torch.float64)
        sums[0] += piece.square().sum()
        sums[1:] += _projections(piece, start + offset)
    sums[0].sqrt_()
    sketch = tuple(sums.float().tolist())
    return sketch if is_sketch(sketch) else None


def is_sketch(numbers: Sequence[float]) -> bool:
    """Whether numbers can be a sketch."""
    finite = all(abs(number) < float('inf') for number in numbers)
    return finite and numbers[0] > 0


def agree(
    one: Sketch | None,
    other: Sketch | None,
    dtype: torch.dtype = torch.float32,
) -> bool:
    """Whether two tensors are equal up to rounding, by their sketches.

    Args:
        one: Sketch of one tensor; without a sketch tensors do not agree.
        other: Sketch of the other tensor.
        dtype: Dtype of both tensors.
    """
    if one is None or other is None:
        return False
    share = _TOLERANCE if dtype.itemsize >= 4 else _HALF_TOLERANCE
    allowed = share * min(one[0], other[0])
    return all(abs(a - b) <= allowed for a, b in zip(one, other, strict=True))


def _start(tensor: Tensor) -> int:
    """Phase of the waves, which depends on type and shape of the tensor."""
    text = type_text(tensor.dtype, tensor.shape).encode()
    return int.from_bytes(
        hashlib.blake2b(text, digest_size=2).digest(), 'little'
    )


def _projections(
    values: Tensor,  # shape: (n,), float64
    start: int,
) -> Tensor:  # shape: (3,)
    """Dot products with ``cos(frequency * (start + i))``.

    They are computed by ``cos(a + b) = cos(a) cos(b) - sin(a) sin(b)`` over
    rows of the values. This avoids most cosines, which would take longer than
    the hashes.
    """
    rows = functional.pad(values, (0, -len(values) % _WIDTH)).view(-1, _WIDTH)
    inner = _angles(0, 1, _WIDTH)
    outer = _angles(start, _WIDTH, len(rows))
    cosines, sines = rows @ inner.cos(), rows @ inner.sin()
    total: Tensor = (outer.cos() * cosines - outer.sin() * sines).sum(0)
    return total


def _angles(start: int, step: int, count: int) -> Tensor:  # shape: (count, 3)
    # The default device may be a GPU, or meta.
    places = start + step * torch.arange(count, device='cpu').double()
    return torch.stack([places * f for f in _FREQUENCIES], 1)
