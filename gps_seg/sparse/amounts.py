# Copyright (c) gps_seg contributors. Apache-2.0.
"""How many entries of a set of competitors win."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from gps_seg.sparse.checks import check_share, check_whole


class Size(NamedTuple):
    """How large a set of competitors is."""

    neurons: int
    entries: int


class Amount(Protocol):
    """How many entries of a set of competitors win."""

    def places(self, group: Size, network: Size) -> int:
        """Winners among ``group``, a part of ``network``."""

    def legal(self, group: Size, network: Size) -> str:
        """The values that give each such group one winner to all of it."""


@dataclass(frozen=True)
class Connections:
    """``k`` for every neuron: each its own, or on average of a larger scope.

    Raises:
        TypeError: If ``k`` is no integer.
        ValueError: If ``k < 1``.
    """

    k: int

    def __post_init__(self) -> None:
        check_whole('k', self.k, least=1)

    def places(self, group: Size, network: Size) -> int:
        """``k`` times the neurons."""
        return self.k * group.neurons

    def legal(self, group: Size, network: Size) -> str:
        """Up to the entries per neuron."""
        return f'1 to {group.entries // group.neurons}'


@dataclass(frozen=True)
class Share:
    """A share of the entries, rounded, and at least one.

    Raises:
        ValueError: If ``share`` is not in (0, 1].
    """

    share: float

    def __post_init__(self) -> None:
        check_share('share', self.share)

    def places(self, group: Size, network: Size) -> int:
        """The share of the entries."""
        return max(1, round(self.share * group.entries))

    def legal(self, group: Size, network: Size) -> str:
        """Any share fits any group."""
        return 'a number in (0, 1]'


@dataclass(frozen=True)
class Total:
    """At most ``count`` in the whole network, in proportion to the neurons.

    Raises:
        TypeError: If ``count`` is no integer.
        ValueError: If ``count < 1``.
    """

    count: int

    def __post_init__(self) -> None:
        check_whole('count', self.count, least=1)

    def places(self, group: Size, network: Size) -> int:
        """What falls to the group, rounded down."""
        return self.count * group.neurons // network.neurons

    def legal(self, group: Size, network: Size) -> str:
        """From the count that gives the group one winner."""
        least = -(-network.neurons // group.neurons)
        most = ((group.entries + 1) * network.neurons - 1) // group.neurons
        return f'{least:,} to {most:,}'


def check_places(
    amount: Amount, group: Size, network: Size, where: str
) -> None:
    """Raise ValueError, naming the group, if an amount does not fit it."""
    places = amount.places(group, network)
    if 1 <= places <= group.entries:
        return
    ((what, value),) = vars(amount).items()
    raise ValueError(
        f'{what}: expected {amount.legal(group, network)} for {where}, got '
        f'{value}, which chooses {places} of {group.entries}. Choose a {what} '
        'that fits every weight.'
    )
