# Copyright (c) gps_seg contributors. Apache-2.0.
"""Amounts: the number of competing entries that win."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol

from gps_seg.sparse.checks import check_share, check_whole


class Contest(NamedTuple):
    """A set of candidates that compete for the same places.

    In a :class:`~gps_seg.sparse.Budget` the candidates are entries, grouped
    by neuron; in :class:`~gps_seg.sparse.Lines` they are rows or columns,
    grouped by weight.

    Args:
        groups: Number of groups whose candidates compete with one another.
        candidates: Number of candidates in all of these groups.
    """

    groups: int
    candidates: int


class Amount(Protocol):
    """A number of winners in a contest."""

    key: ClassVar[str]  #: Name of the setting, for messages.

    @property
    def value(self) -> int | float:
        """Value of the setting."""

    def places(self, contest: Contest, network: Contest) -> int:
        """Number of winners of ``contest``, one of those in ``network``."""

    def legal(self, contest: Contest, network: Contest) -> str:
        """Values with at least one and at most all winners, as text."""


@dataclass(frozen=True)
class Connections:
    """``k`` winners per neuron; in a larger scope, ``k`` on average.

    In :class:`~gps_seg.sparse.Lines`, ``k`` lines per weight.

    Raises:
        TypeError: If ``k`` is not an integer.
        ValueError: If ``k < 1``.

    Example:
        >>> layer = Contest(groups=8, candidates=128)
        >>> Connections(2).places(layer, network=layer)
        16
    """

    key: ClassVar[str] = 'k'
    k: int

    def __post_init__(self) -> None:
        check_whole(self.key, self.k, least=1)

    @property
    def value(self) -> int:
        """``k``."""
        return self.k

    def places(self, contest: Contest, network: Contest) -> int:
        """``k`` times the groups."""
        return self.k * contest.groups

    def legal(self, contest: Contest, network: Contest) -> str:
        """Numbers up to the number of candidates per group."""
        return f'1 to {contest.candidates // contest.groups}'


@dataclass(frozen=True)
class Share:
    """A share of the candidates, rounded, and at least one winner.

    Raises:
        TypeError: If ``share`` is not a number.
        ValueError: If ``share`` is not in (0, 1].

    Example:
        >>> layer = Contest(groups=8, candidates=128)
        >>> Share(0.05).places(layer, network=layer)
        6
    """

    key: ClassVar[str] = 'share'
    share: float

    def __post_init__(self) -> None:
        check_share(self.key, self.share)

    @property
    def value(self) -> float:
        """``share``."""
        return self.share

    def places(self, contest: Contest, network: Contest) -> int:
        """The share of the candidates."""
        return max(1, round(self.share * contest.candidates))

    def legal(self, contest: Contest, network: Contest) -> str:
        """Any share fits any contest."""
        return 'a number in (0, 1]'


@dataclass(frozen=True)
class Total:
    """A limit on the winners of all contests, shared in proportion to groups.

    Raises:
        TypeError: If ``count`` is not an integer.
        ValueError: If ``count < 1``.

    Example:
        >>> layer = Contest(groups=8, candidates=128)
        >>> Total(100).places(layer, network=Contest(24, 384))
        33
    """

    key: ClassVar[str] = 'count'
    count: int

    def __post_init__(self) -> None:
        check_whole(self.key, self.count, least=1)

    @property
    def value(self) -> int:
        """``count``."""
        return self.count

    def places(self, contest: Contest, network: Contest) -> int:
        """The part of ``count`` for these groups, rounded down."""
        return self.count * contest.groups // network.groups

    def legal(self, contest: Contest, network: Contest) -> str:
        """Counts with at least one and at most all winners in the contest."""
        least = -(-network.groups // contest.groups)
        too_many = (contest.candidates + 1) * network.groups
        most = (too_many - 1) // contest.groups
        return f'{least:,} to {most:,}'


@dataclass(frozen=True)
class Rank:
    """The number of values that LoRA of this rank has for a matrix.

    That is ``rank * (m + n)`` of the ``m * n`` entries.

    Raises:
        TypeError: If ``rank`` is not an integer.
        ValueError: If ``rank < 1``.

    Example:
        >>> layer = Contest(groups=8, candidates=128)  # 8 x 16
        >>> Rank(2).places(layer, network=layer)
        48
    """

    key: ClassVar[str] = 'rank'
    rank: int

    def __post_init__(self) -> None:
        check_whole(self.key, self.rank, least=1)

    @property
    def value(self) -> int:
        """``rank``."""
        return self.rank

    def places(self, contest: Contest, network: Contest) -> int:
        """``rank`` times the sum of the sides of the matrix."""
        return self.rank * _sides(contest)

    def legal(self, contest: Contest, network: Contest) -> str:
        """Ranks with at most all entries of the matrix."""
        return f'1 to {contest.candidates // _sides(contest)}'


def _sides(matrix: Contest) -> int:
    return matrix.groups + matrix.candidates // matrix.groups


def check_places(
    amount: Amount, contest: Contest, network: Contest, where: str
) -> None:
    """Raise ValueError unless at least one and at most all candidates win.

    Args:
        amount: Amount to check.
        contest: Contest to which it is applied.
        network: All contests together.
        where: Description of the contest for the message.
    """
    places = amount.places(contest, network)
    if 1 <= places <= contest.candidates:
        return
    raise ValueError(
        f'{amount.key}: expected {amount.legal(contest, network)} for '
        f'{where}, got {amount.value}, which chooses {places} of '
        f'{contest.candidates}. Choose a value of {amount.key} that fits '
        'every weight.'
    )
