# Copyright (c) gps_seg contributors. Apache-2.0.
"""A few pairs that show what a folder holds."""

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from gps_seg.datasets.conversion.problems import about
from gps_seg.datasets.own_folder.found import Found
from gps_seg.datasets.own_folder.masks.files import read_mask
from gps_seg.datasets.own_folder.masks.rules import apply_rule
from gps_seg.datasets.own_folder.opening import read_image

_SIDE = 720  # pixels of the longer side


class Example(NamedTuple):
    """A pair at a size for a page.

    Args:
        image: RGB, uint8, shape (height, width, 3).
        labels: Classes, uint8, shape (height, width), 255 where ignored.
        title: Name of the pair, and why it was chosen.

    Example:
        >>> labels = np.zeros((6, 8), np.uint8)
        >>> Example(np.zeros((6, 8, 3), np.uint8), labels, 'a').title
        'a'
    """

    image: np.ndarray
    labels: np.ndarray
    title: str


def examples(found: Found, number: int = 12) -> list[Example]:
    """Read some of the pairs.

    These are the pairs with the smallest and the largest object, one without
    any, the fewest that show every class of objects, and others at equal
    distances in the order of names.

    Args:
        found: Result of :func:`look`.
        number: Number of pairs; if there are fewer, all.

    Example::

        tiles = [Tile(*example) for example in examples(found)]
    """
    chosen = choose(found, number)
    return [_read(found, index, chosen[index]) for index in sorted(chosen)]


def choose(found: Found, number: int) -> dict[int, str]:
    """Index of each pair to show, with the reason.

    Args:
        found: Result of :func:`look`.
        number: Largest number of pairs.
    """
    reasons = {**_extremes(found)}
    for index in _covering(found, list(reasons)):
        reasons.setdefault(index, '')
    spread = np.linspace(0, len(found.pairs) - 1, number).round().astype(int)
    for index in [*spread.tolist(), *range(len(found.pairs))]:
        if len(reasons) >= number:
            break
        reasons.setdefault(index, '')
    return dict(list(reasons.items())[:number])


def _extremes(found: Found) -> dict[int, str]:
    """Pairs with the smallest, the largest and no object."""
    objects = found.objects / np.maximum(1, found.pixels.sum(1))
    held, reasons = np.flatnonzero(objects), {}
    if held.size:
        smallest = int(held[objects[held].argmin()])
        reasons[int(objects.argmax())] = 'largest object'
        reasons[smallest] = 'smallest object'
    without = np.flatnonzero(objects == 0)
    if without.size:
        reasons[int(without[0])] = 'no object'
    return reasons


def _covering(found: Found, shown: list[int]) -> list[int]:
    """Pairs that show the classes which these pairs lack, a greedy cover."""
    holds = found.pixels > 0
    left = holds.any(0) & ~holds[shown].any(0)
    chosen = []
    while left.any():
        best = int((holds & left).sum(1).argmax())
        chosen.append(best)
        left &= ~holds[best]
    return chosen


def _read(found: Found, index: int, reason: str) -> Example:
    pair = found.pairs[index]
    image = read_image(Path(found.images, pair.image).read_bytes())
    mask = read_mask(Path(found.masks, pair.mask).read_bytes())
    labels = about(pair.mask, apply_rule, found.rule, mask)
    factor = min(1, _SIDE / max(labels.shape))
    size = [max(1, round(factor * side)) for side in labels.shape[::-1]]
    if factor < 1:
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        labels = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST)
    title = f'{pair.name}\n{reason}' if reason else pair.name
    return Example(image, labels, title)
