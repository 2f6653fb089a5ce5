# Copyright (c) gps_seg contributors. Apache-2.0.
"""Count what a mask holds, so that all masks can be judged together."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from gps_seg.datasets.conversion.pair_checks import mid_grey_patches
from gps_seg.datasets.own_folder.masks.files import StoredMask

_MOST_COLOURS = 512  # of one mask; more are counted coarsely


class MaskFacts(NamedTuple):
    """What one mask holds; small, so that all masks fit in memory.

    Args:
        name: Path of the mask in its folder.
        kind: Kind of the stored mask.
        lossy: Whether the file is a JPEG.
        values: Values that occur, sorted: labels, grey values, indices, or
            colours as numbers.
        counts: Pixels of each value.
        solid: Values that fill a square of 3 x 3 pixels somewhere.
        solid_counts: Number of these squares for each.
        changes: Share of pixels that differ from the one before them.
        patches: Share of pixels in patches of middle grey.
        palette: Colours of the indices; None without a palette.
        coarse: Whether the values are the middles of bins of eight values in
            each channel, as there are too many colours.
    """

    name: str
    kind: str
    lossy: bool
    values: np.ndarray
    counts: np.ndarray
    solid: np.ndarray
    solid_counts: np.ndarray
    changes: float
    patches: float
    palette: np.ndarray | None
    coarse: bool = False


def facts_of(name: str, mask: StoredMask) -> MaskFacts:
    """Count the values of a mask.

    Args:
        name: Path of the mask in its folder.
        mask: The mask.
    """
    is_coloured = mask.kind == 'colours'
    pixels = mask.colours() if is_coloured else mask.pixels
    values, counts, runs = _counted(pixels.ravel())
    solid, solid_counts, _ = _counted(_solid(pixels))
    coarse = is_coloured and len(values) > _MOST_COLOURS
    if coarse:
        middles = (values & 0xF8F8F8) | 0x040404
        values, inverse = np.unique(middles, return_inverse=True)
        counts = np.bincount(inverse, weights=counts).astype(np.int64)
    if len(solid) > _MOST_COLOURS:
        kept = np.sort(np.argsort(-solid_counts)[:_MOST_COLOURS])
        solid, solid_counts = solid[kept], solid_counts[kept]
    is_byte = not is_coloured and pixels.dtype == np.uint8
    return MaskFacts(
        name=name,
        kind=mask.kind,
        lossy=mask.lossy,
        values=values,
        counts=counts,
        solid=solid,
        solid_counts=solid_counts,
        changes=runs / pixels.size,
        patches=mid_grey_patches(pixels) if is_byte else 0.0,
        palette=mask.palette,
        coarse=coarse,
    )


def facts_as_colours(facts: MaskFacts) -> MaskFacts:
    """The same facts with colours for values.

    Args:
        facts: Facts on a mask of grey values, of a palette, or of colours.
    """
    if facts.kind == 'colours':
        return facts
    fields: dict[str, Any] = {}
    for key in ('values', 'solid'):
        mask = StoredMask(
            getattr(facts, key), facts.kind, facts.lossy, facts.palette
        )
        fields[key] = mask.colours()
    return facts._replace(kind='colours', **fields)


def _counted(flat: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Values, pixels of each, and number of runs of equal values.

    Runs are sorted instead of pixels: masks have few.
    """
    if not flat.size:
        return flat.astype(np.int32), np.zeros(0, np.int64), 0
    starts = np.flatnonzero(np.append(True, flat[1:] != flat[:-1]))
    lengths = np.diff(np.append(starts, flat.size))
    values, inverse = np.unique(flat[starts], return_inverse=True)
    counts = np.bincount(inverse, weights=lengths).astype(np.int64)
    return values.astype(np.int32), counts, len(starts)


def _solid(pixels: np.ndarray) -> np.ndarray:
    """Centres of all squares of 3 x 3 equal pixels, one after another."""
    centre = pixels[:, 1:-1]
    rows = (pixels[:, :-2] == centre) & (centre == pixels[:, 2:])
    middle = centre[1:-1]
    equal = (centre[:-2] == middle) & (middle == centre[2:])
    return middle[rows[:-2] & rows[1:-1] & rows[2:] & equal]


def union(
    values: Sequence[np.ndarray], counts: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """The values of several masks, sorted, and the sum of their counts.

    Args:
        values: Values of each mask.
        counts: Their counts.
    """
    distinct, inverse = np.unique(np.concatenate(values), return_inverse=True)
    weights = np.concatenate(counts)
    return distinct, np.bincount(inverse, weights, len(distinct))
