# Copyright (c) gps_seg contributors. Apache-2.0.
"""Find the highest scores, with the same rule for ties on every device."""

from collections.abc import Collection, Iterator, Mapping

import torch
from torch import Tensor

#: A key of 32 bits is read as two halves of 16 bits.
_HALF = 16
_VALUES = 1 << _HALF


def topk_per_row(
    score: Tensor,  # shape: (rows, columns)
    k: int,
) -> Tensor:  # shape: (rows, k), int64
    """Columns of the ``k`` highest scores of each row, in increasing order.

    Among equal scores the lower column wins: all entries above the k-th
    largest score win, and the remaining places go to the first entries equal
    to it. (``torch.topk`` itself leaves ties to the backend.)

    Args:
        score: Importance of each entry, finite; larger is more important.
        k: Entries per row, ``1 <= k <= columns``.

    Raises:
        ValueError: If ``k`` is out of range.

    Example:
        >>> topk_per_row(torch.tensor([[1., 3., 3.], [4., 0., 5.]]), k=1)
        tensor([[1],
                [2]])
    """
    columns = score.shape[1]
    _check_range(k, columns)
    # One more than asked for: a row is tied if it equals the last that wins.
    values, found = score.topk(min(k + 1, columns), dim=1)
    found = found[:, :k].sort(dim=1).values
    if k < columns:
        tied = values[:, k - 1] == values[:, k]
        if bool(tied.any()):
            found[tied] = _first_of_equals(score[tied], values[tied, k - 1], k)
    return found


def topk_of_all(
    scores: Mapping[str, Tensor],  # of any shapes
    names: Collection[str],
    k: int,
) -> dict[str, Tensor]:  # shapes: (number of winners,), int64
    """Flat indices of the ``k`` highest scores of all tensors together.

    Among equal scores the first tensor wins, and within it the lower index.
    Scores are compared in float32. They are looked up three times and not
    kept, so that a mapping which computes them needs memory for one tensor.

    Args:
        scores: Importance of each entry, finite; larger is more important.
        names: Tensors that compete, in the order that decides ties.
        k: Number of entries that win.

    Returns:
        Increasing indices into each flattened tensor, by name.

    Raises:
        ValueError: If ``k`` is out of range.

    Example:
        >>> scores = {'a': torch.ones(2, 2), 'b': torch.tensor([1.0, 5.0])}
        >>> topk_of_all(scores, ['a', 'b'], k=3)
        {'a': tensor([0, 1]), 'b': tensor([1])}
    """
    _check_range(k, sum(scores[name].numel() for name in names))
    kth, places = _kth_of_all(scores, names, k)
    found = {}
    for name in names:
        score = scores[name].flatten().float()
        wins = score > kth
        if places > 0:
            (tied,) = (score == kth).nonzero(as_tuple=True)
            wins[tied[:places]] = True
            places -= len(tied)
        (found[name],) = wins.nonzero(as_tuple=True)
    return found


def _check_range(k: int, number: int) -> None:
    if not 1 <= k <= number:
        raise ValueError(
            f'k: expected 1 <= k <= {number}, got {k}. There are {number} '
            'scores to choose from.'
        )


def _first_of_equals(
    score: Tensor,  # shape: (rows, columns)
    kth: Tensor,  # shape: (rows,)
    k: int,
) -> Tensor:  # shape: (rows, k)
    """Columns above the k-th largest score, then the first equal to it."""
    above = score > kth[:, None]
    tied = score == kth[:, None]
    places = k - above.sum(dim=1, keepdim=True)
    wins = above | (tied & (tied.cumsum(dim=1, dtype=torch.int32) <= places))
    return wins.nonzero()[:, 1].view(-1, k)


def _kth_of_all(
    scores: Mapping[str, Tensor], names: Collection[str], k: int
) -> tuple[float, int]:
    """The k-th largest score, and how many equal to it win.

    The upper half of its key is found by counting the upper halves of all
    keys, then the lower half among the keys that have this upper half.
    """

    def uppers() -> Iterator[Tensor]:
        return (_keys(scores[name]) >> _HALF for name in names)

    def lowers() -> Iterator[Tensor]:
        low, high = _score(upper, 0), _score(upper, _VALUES - 1)
        for name in names:
            score = scores[name]
            near = score[(score >= low) & (score <= high)]
            # Zero, which is also within the bounds of the largest negative
            # scores, counts as the least of them and changes nothing.
            yield _keys(near) & (_VALUES - 1)

    upper, places = _kth_of_halves(uppers(), k, least=-_VALUES // 2)
    lower, places = _kth_of_halves(lowers(), places, least=0)
    return _score(upper, lower), places


def _kth_of_halves(
    parts: Iterator[Tensor], k: int, least: int
) -> tuple[int, int]:
    """The k-th largest integer, and how many equal to it are among the k.

    Args:
        parts: Integers from ``least`` to ``least + 2**16 - 1``, in parts.
        k: Rank, from 1.
        least: Smallest integer that may occur.
    """
    counts = torch.zeros(_VALUES, dtype=torch.int64)
    for part in parts:
        counts += part.sub(least).bincount(minlength=_VALUES).cpu()
    from_above = counts.flip(0).cumsum(0)
    steps = int((from_above < k).sum())
    higher = int(from_above[steps - 1]) if steps else 0
    return least + _VALUES - 1 - steps, k - higher


def _keys(score: Tensor) -> Tensor:  # shape: (entries,), int32
    """Integers in the order of finite scores, compared in float32."""
    no_negative_zero = score.flatten().float() + 0.0
    return _flipped(no_negative_zero.view(torch.int32))


def _score(upper: int, lower: int) -> float:
    """The score whose key has these halves."""
    key = torch.tensor((upper << _HALF) | lower, dtype=torch.int32)
    return float(_flipped(key).view(torch.float32))


def _flipped(bits: Tensor) -> Tensor:
    """Bits of floats as integers of the same order, and back.

    The bits of positive floats, read as integers, are in order, and those of
    negative ones in the reverse order.
    """
    return bits ^ ((bits >> 31) & torch.iinfo(torch.int32).max)
