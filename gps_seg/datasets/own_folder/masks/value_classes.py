# Copyright (c) gps_seg contributors. Apache-2.0.
"""Give names and colours to the values of masks."""

from collections.abc import Sequence

from gps_seg.datasets.ignored_label import IGNORED
from gps_seg.datasets.own_folder.masks.decision import (
    Decision,
    some,
)
from gps_seg.datasets.own_folder.masks.default_palette import (
    Colour,
    default_palette,
)
from gps_seg.datasets.own_folder.masks.facts import MaskFacts
from gps_seg.datasets.own_folder.masks.given_classes import (
    BACKGROUND,
    is_background,
    numbered,
    on_ignored,
)

#: Name of the only class beside the background.
OBJECT = 'object'


def two_names(names: Sequence[str], what: str) -> tuple[str, str]:
    """Names of the lower and the higher of two values.

    Args:
        names: None, the name of the object, or both.
        what: Content of the masks, for the message.

    Raises:
        ValueError: If there are more names.
    """
    if len(names) > 2:
        raise ValueError(
            f'classes: expected one name, of the object, or two, as the masks '
            f'hold {what}, got {len(names)}: {", ".join(names)}.'
        )
    if len(names) == 2:
        return names[0], names[1]
    return BACKGROUND, (*names, OBJECT)[0]


def named_labels(
    keys: list[int], names: Sequence[str]
) -> tuple[list[int], list[str], str]:
    """Values, the name of each, and a note on how they were matched.

    Args:
        keys: Labels that occur, without an ignored one.
        names: Names in order.

    Raises:
        ValueError: If there are too few or too many names.
    """
    number, highest = len(names), keys[-1]
    if keys[0] >= 0 and highest < number:
        keys = list(range(number))
        note = f'The names are those of the labels 0 to {number - 1}.'
        return keys, list(names), note
    if keys[0] >= 0 and highest == number:
        numbers = list(range(1, number + 1))
        note = f'The names are those of the labels 1 to {number}'
        if keys[0] == 0 and not any(map(is_background, names)):
            return (
                [0, *numbers],
                [BACKGROUND, *names],
                f'{note}; 0 is the background.',
            )
        if keys[0] == 1:
            return numbers, list(names), f'{note}; 0 does not occur.'
    if len(keys) == number:
        note = (
            f'The names are those of the values {some(list(map(str, keys)))}.'
        )
        return keys, list(names), note
    raise ValueError(
        f'classes: expected as many names as labels, got {number} names and '
        f'{len(keys)} labels ({some(list(map(str, keys)))}). Give a mapping '
        'of labels to names.'
    )


def classes_of_values(
    keys: Sequence[int],
    names: Sequence[str],
    facts: Sequence[MaskFacts],
    notes: tuple[str, ...],
    *,
    binary: bool = False,
    void: Sequence[int] = (),
) -> Decision:
    """The decision that values are classes.

    Args:
        keys: Values.
        names: Name of each.
        facts: Facts on each mask.
        notes: Sentences on what was decided.
        binary: Whether the lower of two values is the background, whatever
            its name.
        void: Further values that are ignored.

    Raises:
        ValueError: If fewer than two classes are left.
    """
    kept = numbered(names)
    if len(kept.names) < 2:
        raise ValueError(
            f'classes: expected two or more that are not ignored, got '
            f'{", ".join(kept.names) or "none"}. Name the background, too.'
        )
    background = is_background(kept.names[0]) or (
        binary and len(kept.names) == 2
    )
    rule = {
        'kind': 'values',
        'values': [*map(int, keys), *void],
        'classes': [*kept.indices, *[IGNORED] * len(void)],
    }
    colours = _stored_palette(keys, kept.indices, facts)
    palette = colours or default_palette(len(kept.names), background)
    notes += on_ignored(names)
    return Decision(rule, kept.names, palette, background, notes)


def _stored_palette(
    keys: Sequence[int], indices: Sequence[int], facts: Sequence[MaskFacts]
) -> tuple[Colour, ...]:
    """Colours of the classes in the masks themselves; empty without these."""
    palette = facts[0].palette
    if palette is None:
        return ()
    by_class = {
        index: tuple(map(int, palette[key]))
        for key, index in reversed(list(zip(keys, indices, strict=True)))
        if index != IGNORED and key < len(palette)
    }
    colours = tuple(by_class[index] for index in sorted(by_class))
    return (
        colours if len(set(colours)) == len(set(indices) - {IGNORED}) else ()
    )
