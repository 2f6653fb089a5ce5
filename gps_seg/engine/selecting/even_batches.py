# Copyright (c) gps_seg contributors. Apache-2.0.
"""Batches that contain every image once, with any number of processes.

Sums over the batches are then sums over the images. A sampler for training
repeats some images, or leaves some out, if their number is not a multiple of
the number of processes.
"""

from collections.abc import Iterator, Sequence

from torch.utils.data import Sampler


def num_batches(total: int, largest: int, processes: int) -> int:
    """Number of batches of each process.

    It is the same in every process, because all take part in every reduction.
    It is the smallest number that keeps batches at ``largest`` images or
    fewer, with one exception: unless ``largest`` is 1, no batch has a single
    image, because BatchNorm cannot normalise it. Other batches may then have
    one or two images more.

    Args:
        total: Number of images, 1 or more.
        largest: Largest number of images in a batch.
        processes: Number of processes.

    Example:
        >>> num_batches(127, largest=64, processes=1)
        2
        >>> num_batches(5, largest=2, processes=1)  # of three and two images
        2
    """
    number = -(-total // (processes * largest))
    if largest == 1:
        return number
    return max(1, min(number, total // processes // 2))


class EvenBatches(Sampler[list[int]]):
    """The batches of one process; their sizes differ by one at most.

    If a process has fewer images than batches, the missing batches contain
    an image of another process, with weight zero.

    Attributes:
        weights: Factor for the mean of each batch, so that every image has
            the same weight in the sum over all processes.

    Args:
        order: Indices of all images, the same in every process.
        largest: Largest number of images in a batch; see
            :func:`num_batches`.
        rank: Number of this process.
        processes: Number of processes.
    """

    def __init__(
        self, order: Sequence[int], largest: int, rank: int, processes: int
    ) -> None:
        number = num_batches(len(order), largest, processes)
        share = order[rank::processes]
        size, more = divmod(len(share), number)
        sizes = [size + (i < more) for i in range(number)]
        self.weights = [size / largest for size in sizes]
        self._batches = []
        start = 0
        for size in sizes:
            self._batches.append(share[start : start + size] or order[:1])
            start += size

    def __iter__(self) -> Iterator[list[int]]:
        return map(list, self._batches)

    def __len__(self) -> int:
        return len(self._batches)
