# Copyright (c) gps_seg contributors. Apache-2.0.
"""Collect what is wrong with the files of a data set, to report it at once."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from gps_seg.datasets.progress import Progress

Item = TypeVar('Item')
Result = TypeVar('Result')


class PairError(ValueError):
    """An image or a mask that cannot be used; the text says why."""


def about(name: str, check: Callable[..., Result], *args: object) -> Result:
    """Run a check of pixels; its error begins with the name of the file."""
    try:
        return check(*args)
    except PairError as problem:
        raise PairError(f'{name}: {problem}') from problem


def problems_of(
    items: Sequence[Item],
    check: Callable[[Item], None],
    progress: Progress[Item] = iter,
) -> list[str]:
    """Check items one by one and go on after one that fails.

    Args:
        items: Pairs of a data set, their ids or their names.
        check: Function that raises :class:`PairError` for a bad item.
        progress: Wrapper of ``items`` that shows how far the check is.

    Returns:
        The errors, in the order of the items.
    """
    problems = []
    for item in progress(items):
        try:
            check(item)
        except PairError as problem:
            problems.append(str(problem))
    return problems
