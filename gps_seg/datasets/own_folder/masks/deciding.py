# Copyright (c) gps_seg contributors. Apache-2.0.
"""Decide what the masks of a folder mean, from all of them together."""

from collections.abc import Sequence

import numpy as np

from gps_seg.datasets.own_folder.masks.colour_kinds import decide_colours
from gps_seg.datasets.own_folder.masks.decision import Decision, refused
from gps_seg.datasets.own_folder.masks.facts import (
    MaskFacts,
    facts_as_colours,
)
from gps_seg.datasets.own_folder.masks.given_classes import Given
from gps_seg.datasets.own_folder.masks.value_kinds import decide_values

_WHITE = (255, 255, 255)


def decide(facts: Sequence[MaskFacts], given: Given) -> Decision:
    """Find the rule that makes classes of the masks.

    Masks of one channel, and of colours that are all grey, hold values. The
    indices of palettes are values, too, if all masks have one palette and it
    is not white, black. All other masks have colours.

    Args:
        facts: Facts on each mask.
        given: Names of the classes.

    Raises:
        ValueError: If the masks are of different kinds, or of none that is
            known.
    """
    kinds = {one.kind for one in facts}
    if not given.colours:
        if kinds <= {'labels', 'grey'}:
            return decide_values(facts, given)
        if kinds == {'palette'} and _is_one_palette(facts):
            return decide_values(facts, given)
    _require_colours(facts)
    return decide_colours([facts_as_colours(one) for one in facts], given)


def _is_one_palette(facts: Sequence[MaskFacts]) -> bool:
    """Whether an index has one colour in all masks, from black to white."""
    colours: dict[int, tuple[int, ...]] = {}
    for one in facts:
        assert one.palette is not None
        for value in one.values.tolist():
            colour = tuple(one.palette[value].tolist())
            if colours.setdefault(value, colour) != colour:
                return False
    is_reversed = len(colours) == 2 and colours[min(colours)] == _WHITE
    return not is_reversed


def _require_colours(facts: Sequence[MaskFacts]) -> None:
    """Refuse labels among coloured masks; black and white are colours."""
    labels = [
        one
        for one in facts
        if one.kind == 'labels' and not np.isin(one.values, (0, 255)).all()
    ]
    if labels and len(labels) < len(facts):
        others = [one for one in facts if one.kind != 'labels']
        raise refused(
            f'{len(labels)} masks of one channel, such as {labels[0].name}, '
            f'and {len(others)} with colours or a palette, such as '
            f'{others[0].name}',
            'Export all in one way',
        )
    if labels:
        raise ValueError(
            'classes: expected names by value, as the masks have one channel, '
            'got names by colour.'
        )
