# Copyright (c) gps_seg contributors. Apache-2.0.
"""Matrices of few values (Jie et al., ICCV 2023).

"Revisiting the Parameter Efficiency of Adapters from the Perspective of
Precision Redundancy": the entries of a matrix are taken for samples of a
normal distribution. They are normalised, replaced by the nearest of the
``2 ** bits`` levels of a standard normal one, and scaled back.
"""

from functools import cache

import torch
from torch import Tensor

#: With more bits a matrix is hardly smaller in a file than it is anyway.
MOST_BITS = 4

_STEPS = 500
_EPSILON = 1e-5


def check_bits(bits: int) -> None:
    """Raise ValueError unless there can be so many bits per value."""
    if not 1 <= bits <= MOST_BITS:
        raise ValueError(f'bits: expected 1 to {MOST_BITS}, got {bits}.')


@cache
def normal_levels(bits: int) -> Tensor:  # shape: (2 ** bits,), float64
    """Levels with the smallest mean distance to a standard normal sample.

    A cell reaches to the middles between its level and the next ones, and its
    level is the median of the samples in it; so they are found by a fixed
    point iteration.

    Example:
        >>> normal_levels(1)
        tensor([-0.6745,  0.6745], dtype=torch.float64)
    """
    number = 2**bits
    numbers = torch.arange(number, dtype=torch.float64, device='cpu')
    levels: Tensor = torch.special.ndtri((numbers + 0.5) / number)
    ends = levels.new_tensor([0.0, 1.0])
    for _ in range(_STEPS):
        cuts = torch.special.ndtr((levels[1:] + levels[:-1]) / 2)
        edges = torch.cat([ends[:1], cuts, ends[1:]])
        levels = torch.special.ndtri((edges[1:] + edges[:-1]) / 2)
    return levels


def quantize(
    matrix: Tensor, bits: int
) -> tuple[Tensor, Tensor]:  # shapes: of matrix, (2 ** bits,)
    """Codes and levels of a matrix: it becomes ``levels[codes]``.

    A matrix that has no more than ``2 ** bits`` different values stays as it
    is, so that what has been quantised is not changed by doing it again.

    Args:
        matrix: Any tensor of floating point.
        bits: Bits per value.
    """
    number = 2**bits
    some = matrix.flatten()[: 8 * number]
    if len(some.unique()) <= number:
        values, codes = matrix.unique(return_inverse=True)
        if len(values) <= number:
            rest = values[-1:].expand(number - len(values))
            return codes, torch.cat([values, rest])
    # A GPU adds in another order than a CPU: in double precision their sums
    # differ too little to be seen in a level, so both find the same bits.
    exact = matrix.double()
    mean, deviation = exact.mean(), exact.std()
    levels = normal_levels(bits).to(exact)
    normal = (exact - mean) / (deviation + _EPSILON)
    codes = torch.bucketize(normal, (levels[1:] + levels[:-1]) / 2)
    return codes, (levels * deviation + mean).to(matrix)


def straight_through(matrix: Tensor, bits: int) -> Tensor:
    """A quantised matrix, with the gradient of the matrix itself."""
    detached = matrix.detach()
    codes, levels = quantize(detached, bits)
    return levels[codes] + (matrix - detached)  # plus zero, exactly
