# Copyright (c) gps_seg contributors. Apache-2.0.
"""A threshold for scores, such that a budget of trained values is met.

Entries compete across all tensors. Those of one group, such as a matrix,
train one by one as long as few of them win; from some number of winners on,
something else trains in their place, such as an update of low rank.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor


@dataclass(frozen=True)
class Price:
    """Number of values that train, by the number of entries that win.

    Args:
        each: Number of trained values for each winner, if there are few.
        many: Number of winners that are many; None if they never are.
        whole: Number of trained values in all, if there are many.

    Example:
        >>> price = Price(each=1, many=3, whole=10)
        >>> [price.of(winners) for winners in range(5)]
        [0, 1, 2, 10, 10]
    """

    each: int
    many: int | None = None
    whole: int = 0

    def is_many(self, winners: int) -> bool:
        """Whether so many entries win that something else trains."""
        return self.many is not None and winners >= self.many

    def of(self, winners: int) -> int:
        """Number of trained values if so many entries win."""
        return self.whole if self.is_many(winners) else self.each * winners


class Group(NamedTuple):
    """Entries that are counted together.

    Args:
        scores: Score of each entry, 0 or more, float32; of any shape.
        price: Values that train if some of them win.
    """

    scores: Tensor
    price: Price

    def trained(self, threshold: float) -> int:
        """Number of values that train at a threshold."""
        return self.price.of(int((self.scores >= threshold).sum()))


def threshold_within(groups: Sequence[Group], budget: int) -> float:
    """The lowest threshold at which no more than ``budget`` values train.

    It is above zero, so that an entry without a score never wins. Entries
    with equal scores win together.

    Args:
        groups: Groups of entries, whose prices do not fall as the number of
            winners grows.
        budget: Largest number of trained values, 0 or more.

    Example:
        >>> scores = torch.tensor([4.0, 3.0, 2.0, 1.0])
        >>> threshold = threshold_within([Group(scores, Price(1))], budget=2)
        >>> scores >= threshold
        tensor([ True,  True, False, False])
    """
    return _lowest(lambda threshold: _trained(groups, threshold) <= budget)


def least_budget(groups: Sequence[Group]) -> int:
    """The smallest budget with which anything trains.

    Args:
        groups: See :func:`threshold_within`.

    Example:
        >>> scores = torch.tensor([4.0, 3.0, 2.0, 1.0])
        >>> least_budget([Group(scores, Price(each=1, many=1, whole=10))])
        10
    """
    nothing = _bits(threshold_within(groups, 0))
    return _trained(groups, _float(nothing - 1))


def _trained(groups: Sequence[Group], threshold: float) -> int:
    return sum(group.trained(threshold) for group in groups)


def _lowest(fits: Callable[[float], bool]) -> float:
    """The lowest positive float32 that fits, up to infinity, by bisection.

    The bits of positive floats, read as integers, are in the same order.
    """
    low, high = 1, _bits(float('inf'))
    while low < high:
        middle = (low + high) // 2
        if fits(_float(middle)):
            high = middle
        else:
            low = middle + 1
    return _float(high)


def _bits(number: float) -> int:
    return int(torch.tensor(number, dtype=torch.float32).view(torch.int32))


def _float(bits: int) -> float:
    return float(torch.tensor(bits, dtype=torch.int32).view(torch.float32))
