# Copyright (c) gps_seg contributors. Apache-2.0.
"""The metrics in a delta: of the whole task, and of each class."""

from collections.abc import Mapping, Sequence

#: Identifiers of metrics on the Hugging Face hub (hf.co/metrics). Dice has
#: none.
HUB_METRICS = {'mIoU': 'mean_iou', 'accuracy/top1': 'accuracy'}


def overall(
    metric: Mapping[str, float], classes: Sequence[str]
) -> dict[str, float]:
    """The metrics of the whole task.

    Example:
        >>> metric = {'mDice': 90.0, 'Dice.polyp': 80.0}
        >>> overall(metric, ['background', 'polyp'])
        {'mDice': 90.0}
    """
    return {n: v for n, v in metric.items() if not _class_of(n, classes)}


def by_class(
    metric: Mapping[str, float], classes: Sequence[str]
) -> tuple[list[str], dict[str, dict[str, float]]]:
    """The metrics of single classes, as a table.

    Returns:
        Names of the metrics, and their values by class and name.

    Example:
        >>> by_class({'mDice': 90.0, 'Dice.polyp': 80.0}, ['polyp'])
        (['Dice'], {'polyp': {'Dice': 80.0}})
    """
    kinds: list[str] = []
    values: dict[str, dict[str, float]] = {}
    for name, value in metric.items():
        member = _class_of(name, classes)
        if member:
            kind = name.removesuffix(f'.{member}')
            kinds += [] if kind in kinds else [kind]
            values.setdefault(member, {})[kind] = value
    return kinds, values


def _class_of(name: str, classes: Sequence[str]) -> str:
    """The class of a metric ``Kind.class``, or an empty text."""
    _, _, member = name.partition('.')
    return member if member in classes else ''
