# Copyright (c) gps_seg contributors. Apache-2.0.
"""Decide on coloured masks: exact colours, or colours with noise."""

from collections.abc import Sequence

import numpy as np

from gps_seg.datasets.ignored_label import IGNORED
from gps_seg.datasets.own_folder.masks.colour_numbers import (
    distances,
    hexadecimal,
    packed,
    unpacked,
)
from gps_seg.datasets.own_folder.masks.decision import (
    MOST_CHANGES,
    Decision,
    refused,
    share_of_changes,
    some,
)
from gps_seg.datasets.own_folder.masks.default_palette import Colour
from gps_seg.datasets.own_folder.masks.facts import MaskFacts, union
from gps_seg.datasets.own_folder.masks.given_classes import (
    BACKGROUND,
    MOST_CLASSES,
    Given,
    is_background,
    numbered,
    on_ignored,
)

#: Colours of noise lie around a colour by this at most, in each channel.
NOISE = 32
_SNAP = 4  # from 0 and 255
_MOST_NOISY = 32  # colours that are found among noise
_LEAST_SQUARES = 1e-4  # share of the squares of one colour
_LEAST_NEAR = 0.9  # share of pixels
_MOST_UNNAMED = 1e-3  # share of the squares of one colour
_BLACK = 0


def decide_colours(facts: Sequence[MaskFacts], given: Given) -> Decision:
    """Decide what the colours of the masks mean.

    1. If names are given by colour, these are the classes; noise of up to
       ``NOISE`` around them is allowed in JPEG files and along outlines.
    2. Up to 255 exact colours are classes, each one, if the files are not
       JPEG and at most every third colour never fills 3 x 3 pixels.
    3. Else the colours that fill such squares are taken, the most frequent
       first, and what lies within ``NOISE`` of one is its noise; up to 32.

    Black is the background.

    Args:
        facts: Facts on each mask, with colours for values.
        given: Names of the classes.

    Raises:
        ValueError: If the masks are none of these, or do not fit the names.
    """
    seen, counts = union(
        [one.values for one in facts], [one.counts for one in facts]
    )
    if given.values:
        raise ValueError(
            'classes: expected names by colour, as the masks have the colours '
            f'{_shown(seen, counts)}, got names by value. Give a mapping such '
            "as {'#000000': 'background', '#ff0000': 'liver'}."
        )
    exact = not any(one.lossy or one.coarse for one in facts)
    if given.colours:
        keys = np.array(sorted(given.colours))
        exact = exact and not len(np.setdiff1d(seen, keys))
        if not exact:
            _require_known(seen, counts, keys, facts)
        return _decision(keys, [given.colours[key] for key in keys], exact)
    solid, squares = union(
        [one.solid for one in facts], [one.solid_counts for one in facts]
    )
    if exact and _are_classes(seen, solid, facts):
        keys = seen
    else:
        exact, keys = False, _centres(solid, squares)
        _require_near(seen, counts, keys)
    return _decision(keys, _names(keys, given.names), exact)


def _are_classes(
    seen: np.ndarray, solid: np.ndarray, facts: Sequence[MaskFacts]
) -> bool:
    return (
        1 < len(seen) <= MOST_CLASSES
        and 2 * (len(seen) - len(solid)) <= len(solid)
        and share_of_changes(facts) <= MOST_CHANGES
    )


def _centres(solid: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """The colours that noise surrounds, sorted."""
    left = squares >= max(1, _LEAST_SQUARES * squares.sum())
    squares = np.where(left, squares, 0)
    centres: list[int] = []
    while squares.any() and len(centres) <= _MOST_NOISY:
        centre = solid[squares.argmax()]
        squares[distances(solid, centre[None])[:, 0] <= NOISE] = 0
        rgb = unpacked(centre)
        rgb = np.where(rgb <= _SNAP, 0, np.where(rgb >= 255 - _SNAP, 255, rgb))
        centres.append(int(packed(rgb)))
    return np.array(sorted(centres), np.int32)


def _require_near(
    seen: np.ndarray, counts: np.ndarray, keys: np.ndarray
) -> None:
    if 1 < len(keys) <= _MOST_NOISY:
        near = distances(seen, keys).min(1) <= NOISE
        if counts[near].sum() >= _LEAST_NEAR * counts.sum():
            return
    if len(seen) == 1:
        raise refused(
            f'the colour {_shown(seen, counts)} in every pixel of every mask',
            'Nothing can be learnt from these',
        )
    raise refused(
        f'{len(seen)} colours or more, most often {_shown(seen, counts)}',
        'Export the masks as PNG with one colour for each class, or give a '
        'mapping of colours to names; check that --masks is the folder of the '
        'masks',
    )


def _require_known(
    seen: np.ndarray,
    counts: np.ndarray,
    keys: np.ndarray,
    facts: Sequence[MaskFacts],
) -> None:
    """Refuse colours without a name that are no noise."""
    solid, squares = union(
        [one.solid for one in facts], [one.solid_counts for one in facts]
    )
    near = distances(seen, keys).min(1) <= NOISE
    far = distances(solid, keys).min(1) > NOISE
    noisy = any(one.lossy for one in facts)
    most = _MOST_UNNAMED * squares.sum() if noisy else 0
    share = counts[near].sum() / counts.sum()
    if share >= _LEAST_NEAR and squares[far].sum() <= most:
        return
    unnamed, often = seen[~near], counts[~near]
    if far.any():
        unnamed, often = solid[far], squares[far]
    first = next(
        one.name for one in facts if np.isin(one.values, seen[~near]).any()
    )
    raise ValueError(
        'classes: expected a name for each colour of the masks, got none for '
        f'{_shown(unnamed, often)} (first in {first}). Add a name; "ignored" '
        'is neither learnt nor scored.'
    )


def _names(keys: np.ndarray, given: Sequence[str]) -> list[str]:
    default = [
        BACKGROUND if key == _BLACK else hexadecimal(key) for key in keys
    ]
    if not given:
        return default
    if len(keys) == 2 and keys[0] == _BLACK and len(given) <= 2:
        return [BACKGROUND, *given][-2:] if len(given) == 1 else [*given]
    shown = some([hexadecimal(key) for key in keys])
    example = {hexadecimal(keys[-1]): given[0]}
    raise ValueError(
        'classes: expected a mapping of colours to names, as the masks have '
        f'the colours {shown}, got names in order. Give a name for each, such '
        f'as {example}.'
    )


def _decision(keys: np.ndarray, names: Sequence[str], exact: bool) -> Decision:
    kept = numbered(names)
    if len(kept.names) < 2:
        raise ValueError(
            f'classes: expected two or more that are not ignored, got '
            f'{", ".join(kept.names) or "none"}. Name the background, too.'
        )
    rgb = unpacked(keys).tolist()
    first = {
        index: colour
        for colour, index in reversed(
            list(zip(rgb, kept.indices, strict=True))
        )
        if index != IGNORED
    }
    palette: tuple[Colour, ...] = tuple(
        tuple(first[index]) for index in range(len(kept.names))
    )
    rule = {
        'kind': 'colours' if exact else 'nearest_colours',
        'colours': rgb,
        'classes': kept.indices,
    }
    shown = some([hexadecimal(key) for key in keys])
    how = (
        f'Masks have {len(keys)} exact colours: {shown}.'
        if exact
        else f'Masks have {len(keys)} colours with noise: {shown}; each pixel '
        'has the class of the nearest.'
    )
    background = is_background(kept.names[0])
    notes: tuple[str, ...] = (how,)
    if background and names[0] == kept.names[0] and keys[0] == _BLACK:
        notes += ('Black is the background.',)
    notes += on_ignored(names)
    return Decision(rule, kept.names, palette, background, notes)


def _shown(seen: np.ndarray, counts: np.ndarray) -> str:
    order = np.argsort(-counts, kind='stable')
    return some([hexadecimal(seen[index]) for index in order])
