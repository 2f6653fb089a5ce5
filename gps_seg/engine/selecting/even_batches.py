# Copyright (c) gps_seg contributors. Apache-2.0.
"""Batches in which every image is once, whatever the number of processes.

The sums over the batches are then sums over the images, whatever the number
of processes. A sampler for training gives some images twice, or leaves some
out, where they cannot be shared out evenly.
"""

from collections.abc import Iterator, Sequence

from torch.utils.data import Sampler


def num_batches(total: int, largest: int, processes: int) -> int:
    """Number of batches of each process: all take part in every reduction.

    As few as hold ``largest`` images at most. But no image is alone where
    more were asked for, as BatchNorm cannot normalise by one: then batches of
    two or three hold one or two more.

    Args:
        total: Number of images, 1 or more.
        largest: Largest number of images in a batch.
        processes: Number of processes.

    Example:
        >>> num_batches(127, largest=64, processes=1)
        2
        >>> num_batches(5, largest=2, processes=1)  # of three and two
        2
    """
    number = -(-total // (processes * largest))
    if largest == 1:
        return number
    return max(1, min(number, total // processes // 2))


class EvenBatches(Sampler[list[int]]):
    """The share of a process in batches whose sizes differ by one at most.

    A process with fewer images than batches gets an image of another one,
    with weight zero, for each batch that it lacks.

    Attributes:
        weights: Factors of the batch means, one for each batch, with which
            every image counts the same in the sum of all processes.

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
