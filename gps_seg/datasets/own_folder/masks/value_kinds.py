# Copyright (c) gps_seg contributors. Apache-2.0.
"""Decide on masks of one channel: labels, two values, or noisy black/white."""

from collections.abc import Sequence

import numpy as np

from gps_seg.datasets.conversion.pair_checks import (
    MASK_THRESHOLD,
    MAX_MID_GREY_SHARE,
    MID_GREY,
)
from gps_seg.datasets.own_folder.masks.decision import (
    MOST_CHANGES,
    Decision,
    refused,
    share_of_changes,
    some,
)
from gps_seg.datasets.own_folder.masks.default_palette import (
    default_palette,
)
from gps_seg.datasets.own_folder.masks.facts import MaskFacts, union
from gps_seg.datasets.own_folder.masks.given_classes import (
    BACKGROUND,
    MOST_CLASSES,
    Given,
    numbered,
)
from gps_seg.datasets.own_folder.masks.value_classes import (
    classes_of_values,
    named_labels,
    two_names,
)

#: Least distance of an ignored value from all other values.
FAR_ABOVE = 32


def decide_values(facts: Sequence[MaskFacts], given: Given) -> Decision:
    """Decide what the values of the masks mean.

    1. JPEG files, and other files with grey outlines between black and white,
       are cut at ``MASK_THRESHOLD``, after the converters' check that nothing
       else is grey.
    2. If names are given by value, these are the classes.
    3. Of two values the lower is the background, the other the object.
    4. Of three or more, the highest is ignored if it lies above the next by
       ``FAR_ABOVE`` or more and by twice the largest other gap, while no
       other gap is as large as ``FAR_ABOVE``: the 255 among the labels 0 to
       11, and not that among 0, 128 and 255.
    5. The others are labels. Names in order are those of 0, 1, 2 ... if the
       highest label is below their number; of 1, 2, 3 ... with 0 for the
       background, if the highest label is their number; else of the values
       that occur.

    Args:
        facts: Facts on each mask.
        given: Names of the classes.

    Raises:
        ValueError: If the masks are none of these, or do not fit the names.
    """
    values, _ = union(
        [one.values for one in facts], [one.counts for one in facts]
    )
    if _is_noisy(values, facts):
        return _threshold(values, facts, given)
    if given.values:
        return _given_values(values, given, facts)
    if len(values) == 1:
        raise refused(
            f'the value {values[0]} in every pixel of every mask',
            'Nothing can be learnt from these',
        )
    if len(values) == 2:
        return _two_values(values, given, facts)
    return _labels(values, given, facts)


def _is_noisy(values: np.ndarray, facts: Sequence[MaskFacts]) -> bool:
    if any(one.lossy for one in facts):
        return True
    low, high = MID_GREY
    bright = int((values > high).sum())
    grey = bool(((values >= low) & (values <= high)).any())
    return (
        len(values) > 3
        and bright > 0
        and int(values[-1]) <= 255
        and (grey or bright > 1)
        and all(one.patches <= MAX_MID_GREY_SHARE for one in facts)
    )


def _threshold(
    values: np.ndarray, facts: Sequence[MaskFacts], given: Given
) -> Decision:
    worst = max(facts, key=lambda one: one.patches)
    if worst.patches > MAX_MID_GREY_SHARE:
        raise refused(
            f'JPEG files with {len(values)} grey values; in {worst.name} '
            f'{worst.patches:.1%} of the pixels lie in patches of grey '
            f'({MID_GREY[0]}..{MID_GREY[1]})',
            'JPEG cannot store labels: export the masks as PNG',
        )
    if values[-1] <= MASK_THRESHOLD or values[0] > MASK_THRESHOLD:
        raise refused(
            f'JPEG files with the grey values {values[0]} to {values[-1]}, '
            f'all on one side of {MASK_THRESHOLD}',
            'JPEG cannot store labels: export the masks as PNG',
        )
    names = tuple(given.values[v] for v in sorted(given.values))
    names = two_names(names or given.names, 'black and white')
    kept = numbered(names)
    if kept.indices != [0, 1]:
        raise ValueError(
            f'classes: expected a name of what is black and one of what is '
            f'white, which is the object, got {", ".join(names)}. Invert '
            'masks in which the object is black.'
        )
    noise = (
        f'Masks are black and white with noise ({len(values)} grey values): '
        f'above {MASK_THRESHOLD} is "{names[1]}".'
    )
    rule = {'kind': 'threshold', 'above': MASK_THRESHOLD}
    return Decision(rule, names, default_palette(2, True), True, (noise,))


def _given_values(
    values: np.ndarray, given: Given, facts: Sequence[MaskFacts]
) -> Decision:
    unknown = sorted(set(values.tolist()) - given.values.keys())
    if unknown:
        first = next(one for one in facts if unknown[0] in one.values)
        raise ValueError(
            f'classes: expected a name for each value of the masks, got none '
            f'for {some(list(map(str, unknown)))} (first in {first.name}). '
            'Add a name; "ignored" is neither learnt nor scored.'
        )
    keys = sorted(given.values)
    names = [given.values[key] for key in keys]
    note = f'Names were given for the values {some(list(map(str, keys)))}.'
    return classes_of_values(
        keys, names, facts, (note,), binary=len(keys) == 2
    )


def _two_values(
    values: np.ndarray, given: Given, facts: Sequence[MaskFacts]
) -> Decision:
    low, high = values.tolist()
    names = two_names(given.names, f'{low} and {high}')
    note = f'Masks hold {low} ("{names[0]}") and {high} ("{names[1]}").'
    return classes_of_values(
        [low, high], list(names), facts, (note,), binary=True
    )


def _labels(
    values: np.ndarray, given: Given, facts: Sequence[MaskFacts]
) -> Decision:
    _require_labels(values, facts)
    keys, notes = values.tolist(), []
    void: list[int] = []
    if _is_void(values):
        void = [keys.pop()]
        notes.append(
            f'{void[0]} is ignored: it lies far above the other values, up to '
            f'{keys[-1]}.'
        )
    if given.names:
        keys, names, note = named_labels(keys, given.names)
    else:
        names = [BACKGROUND if key == 0 else f'class {key}' for key in keys]
        note = f'Masks hold {len(keys)} labels from {keys[0]} to {keys[-1]}'
        note += '; 0 is the background.' if keys[0] == 0 else '.'
    return classes_of_values(keys, names, facts, (note, *notes), void=void)


def _require_labels(values: np.ndarray, facts: Sequence[MaskFacts]) -> None:
    shown = some(list(map(str, values.tolist())))
    if len(values) > MOST_CLASSES + 1:
        raise refused(
            f'{len(values)} values ({shown})',
            f'Labels of at most {MOST_CLASSES} classes are read; numbers of '
            'single objects are no classes',
        )
    changes = share_of_changes(facts)
    if changes > MOST_CHANGES:
        raise refused(
            f'{len(values)} grey values ({shown}), and {changes:.0%} of the '
            'pixels differ from the one before them, as in a photograph',
            'Check that --masks is the folder of the masks',
        )


def _is_void(values: np.ndarray) -> bool:
    *gaps, last = np.diff(values).tolist()
    return bool(
        max(gaps) < FAR_ABOVE and last >= max(FAR_ABOVE, 2 * max(gaps))
    )
