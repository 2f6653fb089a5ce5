# Copyright (c) gps_seg contributors. Apache-2.0.
"""What was decided on all masks together."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from gps_seg.datasets.own_folder.masks.default_palette import Colour
from gps_seg.datasets.own_folder.masks.facts import MaskFacts

#: Largest share of pixels of a map of labels that differ from the one before
#: them; in a photograph most do.
MOST_CHANGES = 0.3
LEGAL = (
    'labels in one channel, two grey values (with noise or without), or a few '
    'colours'
)
_SHOWN = 8


class Decision(NamedTuple):
    """The rule that makes classes of the masks, and their classes.

    Args:
        rule: Rule, plain data.
        names: Names of the classes, without what is ignored.
        palette: Colour of each class.
        background: Whether class 0 is the background.
        notes: Sentences on what was decided, and why.
    """

    rule: dict[str, Any]
    names: tuple[str, ...]
    palette: tuple[Colour, ...]
    background: bool
    notes: tuple[str, ...]


def share_of_changes(facts: Sequence[MaskFacts]) -> float:
    """Share of all pixels that differ from the one before them."""
    pixels = np.array([one.counts.sum() for one in facts])
    changes = np.array([one.changes for one in facts])
    return float((changes * pixels).sum() / pixels.sum())


def refused(what: str, remedy: str) -> ValueError:
    """An error that says what the masks hold.

    Args:
        what: Content of the masks.
        remedy: Advice to the person.
    """
    return ValueError(f'masks: expected {LEGAL}, got {what}. {remedy}')


def some(texts: Sequence[str]) -> str:
    """The first texts of a list, and an ellipsis if there are more."""
    more = ', ...' if len(texts) > _SHOWN else ''
    return ', '.join(texts[:_SHOWN]) + more
