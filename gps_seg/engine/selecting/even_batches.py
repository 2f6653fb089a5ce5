# Copyright (c) gps_seg contributors. Apache-2.0.
"""Every image in one batch of one process, and none in two.

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
        largest: Images of a batch.
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

    A process that has fewer images than batches is given one that others
    have, with a weight of zero: to pass over.

    Attributes:
        weights: What to multiply the mean over each batch by, so that every
            image weighs the same in the sum of all processes.

    Args:
        order: Indices of all images, the same in every process.
        largest: Images of a batch; see :func:`num_batches`.
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
