# Copyright (c) gps_seg contributors. Apache-2.0.
"""Divide pairs into training and validation; what belongs together stays."""

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from gps_seg.datasets.own_folder.found import Found
from gps_seg.datasets.own_folder.pairing import Pair

Splits = dict[str, list[Pair]]


def split(found: Found, share: float = 0.2, seed: int = 0) -> Splits:
    """Divide the pairs into ``train`` and ``val``.

    A unit is a group; without groups, a set of near copies; else one image.
    Units are shuffled. A unit may go to ``val`` if every class that it holds
    is also in another unit of ``train``. Images without an object count as a
    class of their own here. Classes are taken from the one in fewest units to
    the one in most, twice:

    1. If ``val`` has no image of a class, the first unit that may go and
       leaves ``train`` half of the images goes there.
    2. If ``val`` has less than ``share`` of the images of a class, units that
       may go follow, as long as each brings the size of ``val`` closer to
       ``share`` of all images.

    Any other units follow by the same rule. So every class is on both sides
    if this greedy search finds a way; :func:`split_notes` names the others.

    Args:
        found: Result of :func:`look`.
        share: Share of the images to validate on.
        seed: Seed of the shuffling.

    Returns:
        Pairs of ``'train'`` and of ``'val'``, each in the order of names.

    Raises:
        ValueError: If ``share`` is not above 0 and up to 0.5; if there is
            one unit alone; or if no class of objects can be on both sides.

    Example::

        splits = split(look('images', 'masks'), share=0.2)
    """
    if not 0 < share <= 0.5:
        raise ValueError(
            f'share: expected more than 0 and at most 0.5, got {share}.'
        )
    units = _units(found)
    if len(units) < 2:
        raise ValueError(
            f'split: expected two or more {_kind(found)}, got one with all '
            f'{len(found.pairs)} images. Give other groups, or add images.'
        )
    random.Random(seed).shuffle(units)
    search = _Search(units, _holds(found), share)
    search.run()
    val = {index for unit in search.moved for index in units[unit]}
    splits: Splits = {
        'train': [p for i, p in enumerate(found.pairs) if i not in val],
        'val': [found.pairs[i] for i in sorted(val)],
    }
    _require_an_object(found, splits)
    return splits


def split_notes(
    found: Found, splits: Mapping[str, Sequence[Pair]]
) -> tuple[str, ...]:
    r"""Sentences on a split: what stayed together, what is on one side.

    Args:
        found: Result of :func:`look`.
        splits: Result of :func:`split`.

    Example::

        print(*split_notes(found, split(found)), sep='\n')
    """
    notes = [
        f'{len(splits["train"])} images to train on, {len(splits["val"])} to '
        'validate on.'
    ]
    if found.groups:
        notes.append('Whole groups stay together.')
    elif found.near_copies:
        notes.append(
            'Images that look alike stay together; if they are frames of '
            'videos or scans of patients, give groups.'
        )
    held = {name: _held(found, splits[name]).any(0) for name in splits}
    for side, other in (('train', 'val'), ('val', 'train')):
        alone = np.flatnonzero(held[side] & ~held[other])
        if len(alone):
            names = ', '.join(found.classes[i] for i in alone)
            notes.append(f'In {side} only: {names}.')
    return tuple(notes)


class _Search:
    """The greedy search of :func:`split`."""

    def __init__(
        self, units: Sequence[Sequence[int]], holds: np.ndarray, share: float
    ) -> None:
        self.sizes = [len(unit) for unit in units]
        # Images of each unit with each class, shape (units, classes).
        self.images = np.array([holds[list(u)].sum(0) for u in units])
        self.in_units = (self.images > 0).sum(0)
        self.total = sum(self.sizes)
        self.target = max(1.0, share * self.total)
        self.wanted = share * self.images.sum(0)
        self.left = self.in_units.copy()  # units of train with each class
        self.val = np.zeros_like(self.in_units)  # images of val
        self.size = 0
        self.moved: dict[int, None] = {}

    def run(self) -> None:
        """Move units to ``val``."""
        classes = np.argsort(self.in_units, kind='stable')
        for kind in classes:
            if not self.val[kind]:
                self._move_first(np.flatnonzero(self.images[:, kind]))
        for kind in classes:
            for unit in np.flatnonzero(self.images[:, kind]):
                if self.val[kind] >= self.wanted[kind]:
                    break
                self._move(unit, self._is_closer(unit))
        for unit in range(len(self.sizes)):
            self._move(unit, self._is_closer(unit))

    def _move_first(self, units: np.ndarray) -> None:
        for unit in units:
            room = 2 * (self.size + self.sizes[unit]) <= self.total
            if self._move(unit, room):
                return

    def _move(self, unit: int, fits: bool) -> bool:
        present = self.images[unit] > 0
        if not fits or unit in self.moved or (self.left[present] < 2).any():
            return False
        self.left -= present
        self.val += self.images[unit]
        self.size += self.sizes[unit]
        self.moved[unit] = None
        return True

    def _is_closer(self, unit: int) -> bool:
        after = self.size + self.sizes[unit]
        return abs(after - self.target) < abs(self.size - self.target)


def _units(found: Found) -> list[list[int]]:
    """Indices of the images that stay together, in the order of names."""
    names = [pair.name for pair in found.pairs]
    unit_of: Mapping[str, str] = found.groups or {
        name: alike[0] for alike in found.near_copies for name in alike
    }
    units = defaultdict(list)
    for index, name in enumerate(names):
        key = unit_of.get(name, name)
        units[key].append(index)
    return list(units.values())


def _kind(found: Found) -> str:
    return 'groups' if found.groups else 'images that do not look alike'


def _held(found: Found, pairs: Sequence[Pair]) -> np.ndarray:
    """Whether each pair holds each class, shape (pairs, classes)."""
    index = {pair.name: i for i, pair in enumerate(found.pairs)}
    rows = [index[pair.name] for pair in pairs]
    return np.asarray(found.pixels[rows] > 0)


def _holds(found: Found) -> np.ndarray:
    """Whether each image holds each class, or no object at all."""
    return np.column_stack([found.pixels > 0, found.objects == 0])


def _require_an_object(
    found: Found, splits: Mapping[str, Sequence[Pair]]
) -> None:
    first = int(found.background)
    both = np.logical_and.reduce(
        [_held(found, pairs).any(0)[first:] for pairs in splits.values()]
    )
    if not both.any():
        raise ValueError(
            f'split: expected a class of objects in two or more '
            f'{_kind(found)}, got none. Give other groups, or add images.'
        )
