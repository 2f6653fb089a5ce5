# Copyright (c) gps_seg contributors. Apache-2.0.
"""Scores by name: of the whole task, or of one class."""

import re
from collections.abc import Mapping

#: Scores by which runs are compared: the means of ``DiceIoUMetric``.
METRICS = ('image_mDice', 'image_mIoU', 'mDice', 'mIoU')
# A class may be called anything; a prefix of the metric ends in a slash.
_OF_A_CLASS = re.compile(r'(?:[^.]*/)?(Dice|IoU)\.(.+)', re.DOTALL)
# What MMEngine measures beside the scores.
_NO_SCORES = ('time', 'data_time')


def is_of_a_class(name: str) -> bool:
    """Whether a score is that of one class.

    Example:
        >>> is_of_a_class('Dice.polyp'), is_of_a_class('mDice')
        (True, False)
    """
    return _OF_A_CLASS.fullmatch(name) is not None


def overall(scores: Mapping[str, float]) -> dict[str, float]:
    """The scores of the whole task.

    Example:
        >>> overall({'mDice': 90.0, 'Dice.polyp': 80.0, 'time': 0.1})
        {'mDice': 90.0}
    """
    return {
        name: score
        for name, score in scores.items()
        if name not in _NO_SCORES and not is_of_a_class(name)
    }


def by_class(
    scores: Mapping[str, float],
) -> tuple[list[str], dict[str, dict[str, float]]]:
    """The scores of single classes, as a table.

    Returns:
        Kinds of scores, and their values by class and kind.

    Example:
        >>> by_class({'mDice': 90.0, 'Dice.polyp': 80.0})
        (['Dice'], {'polyp': {'Dice': 80.0}})
    """
    kinds: dict[str, None] = {}
    values: dict[str, dict[str, float]] = {}
    for name, score in scores.items():
        if match := _OF_A_CLASS.fullmatch(name):
            kind, member = match.groups()
            kinds[kind] = None
            values.setdefault(member, {})[kind] = score
    return list(kinds), values


def score_text(score: float | None) -> str:
    """A score with two digits; ``-`` for one that is absent.

    Example:
        >>> score_text(81.234), score_text(None)
        ('81.23', '-')
    """
    return '-' if score is None else f'{score:.2f}'
