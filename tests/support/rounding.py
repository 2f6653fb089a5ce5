"""How far two computations of one number may lie apart.

Two libraries, processors or numbers of threads sum in another order, so equal
computations differ by rounding. A tolerance that was read off one machine
fails on the next; this one follows from dtype, size and depth.
"""

import torch
from torch import Tensor


def rounding_error(scale: float, dtype: torch.dtype, terms: int, depth: int):
    """Largest difference that rounding explains.

    Rounding errors of a sum of ``n`` terms behave like a random walk: with a
    probability of ``1 - 2 exp(-c^2 / 2)`` they stay below ``c sqrt(n) eps``
    of the sum of the terms' magnitudes (Higham and Mary, *A New Approach to
    Probabilistic Rounding Error Analysis*, SIAM J. Sci. Comput. 2019). ``c``
    is 8 here. Through layers that neither shrink nor grow they add up.

    Args:
        scale: Largest magnitude of what is summed up.
        dtype: The coarsest that was computed in.
        terms: Terms of the longest sum.
        depth: Sums that follow one another.
    """
    return 8 * depth * terms**0.5 * torch.finfo(dtype).eps * scale


def assert_equal_to_rounding(
    actual: Tensor, expected: Tensor, *, terms: int, depth: int = 1
) -> None:
    """Compare with ``rounding_error`` of the largest expected magnitude."""
    coarser = max(actual.dtype, expected.dtype, key=_eps)
    atol = rounding_error(float(expected.abs().max()), coarser, terms, depth)
    torch.testing.assert_close(
        actual.double(), expected.double(), rtol=0, atol=atol
    )


def _eps(dtype: torch.dtype) -> float:
    return torch.finfo(dtype).eps
