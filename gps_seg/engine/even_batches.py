# Copyright (c) gps_seg contributors. Apache-2.0.
"""Batches of nearly one size, so that no image is left over."""

from collections.abc import Iterator
from itertools import islice

from torch.utils.data import Sampler


def even_sizes(total: int, largest: int) -> list[int]:
    """Sizes of as few batches as possible, which differ by one at most.

    A single image among batches of two is left out: BatchNorm has nothing to
    normalise one by.

    Args:
        total: Number of images.
        largest: Size that no batch exceeds.

    Example:
        >>> even_sizes(127, largest=64)
        [64, 63]
        >>> even_sizes(5, largest=2)
        [2, 2]
    """
    if largest == 2 and total > 1:
        total -= total % 2
    number = -(-total // largest)
    return [total // number + (i < total % number) for i in range(number)]


class EvenBatches(Sampler[list[int]]):
    """The indices of another sampler in batches, see :func:`even_sizes`.

    Attributes:
        sampler: The other sampler.
        sizes: Number of indices in each batch, not increasing.

    Args:
        sampler: One with a length of 1 or more.
        largest: Size that no batch exceeds.
    """

    def __init__(self, sampler: Sampler[int], largest: int) -> None:
        self.sampler = sampler
        self.sizes = even_sizes(len(sampler), largest)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[list[int]]:
        indices = iter(self.sampler)
        for size in self.sizes:
            yield list(islice(indices, size))

    def __len__(self) -> int:
        return len(self.sizes)
