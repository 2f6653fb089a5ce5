# Copyright (c) gps_seg contributors. Apache-2.0.
"""How far two computations of one number may differ.

Libraries, processors and numbers of threads sum in different orders, so equal
computations differ by rounding. A tolerance that was measured on one machine
fails on the next. This one follows from dtype, size and depth.
"""

import torch
from torch import Tensor


def rounding_error(scale: float, dtype: torch.dtype, terms: int, depth: int):
    """Largest difference that rounding explains.

    Rounding errors of a sum of ``n`` terms behave like a random walk: with a
    probability of ``1 - 2 exp(-c^2 / 2)`` they stay below ``c sqrt(n) eps``
    times the sum of the terms' magnitudes (Higham and Mary, *A New Approach
    to Probabilistic Rounding Error Analysis*, SIAM J. Sci. Comput. 2019).
    Here ``c`` is 8. Errors of layers that keep the scale add up.

    Args:
        scale: Largest magnitude of the sums.
        dtype: Coarsest type in the computation.
        terms: Number of terms in the longest sum.
        depth: Number of consecutive sums.
    """
    return 8 * depth * terms**0.5 * torch.finfo(dtype).eps * scale


def assert_equal_to_rounding(
    actual: Tensor, expected: Tensor, *, terms: int, depth: int = 1
) -> None:
    """Compare with ``rounding_error`` of the largest expected magnitude."""
    coarser = max(actual.dtype, expected.dtype, key=_eps)
    atol = rounding_error(
        float(expected.detach().abs().max()), coarser, terms, depth
    )
    torch.testing.assert_close(
        actual.double(), expected.double(), rtol=0, atol=atol
    )


def _eps(dtype: torch.dtype) -> float:
    return torch.finfo(dtype).eps
