# Copyright (c) gps_seg contributors. Apache-2.0.
"""Images of a source that are equal, or look alike."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from gps_seg.datasets.conversion.pictures import pixel_hash
from gps_seg.datasets.conversion.report_text import MAX_LISTED
from gps_seg.datasets.near_copies import BITS, fingerprint, near_pairs


class Seen(NamedTuple):
    """An image that was decoded.

    Args:
        name: Name for the report.
        part: Split or set that it belongs to.
        pixels: Hash of its pixels.
        look: Its fingerprint, shape (32,), uint8.
    """

    name: str
    part: str
    pixels: str
    look: np.ndarray

    @classmethod
    def of(cls, name: str, part: str, image: np.ndarray) -> 'Seen':
        """Look at an image, shape (height, width, 3), RGB, uint8."""
        return cls(name, part, pixel_hash(image), fingerprint(image))


def same_pixels(seen: Iterable[Seen]) -> list[list[Seen]]:
    """Groups of two or more images that are equal, pixel by pixel."""
    groups = defaultdict(list)
    for image in seen:
        groups[image.pixels].append(image)
    return [group for group in groups.values() if len(group) > 1]


def lines_on_near_copies(seen: Sequence[Seen]) -> list[str]:
    """A line for each pair that looks alike but is in different parts."""
    looks = np.array([image.look for image in seen])
    lines = []
    for bits, *pair in near_pairs(looks):
        one, other = (seen[index] for index in pair)
        if one.part != other.part and one.pixels != other.pixels:
            lines.append(
                f'nearly identical images: {one.name}, {other.name} ({bits} '
                f'of {BITS} bits of their perceptual hashes differ)'
            )
    more = len(lines) - MAX_LISTED
    return lines[:MAX_LISTED] + (
        [f'and {more} more pairs of nearly identical images'] * (more > 0)
    )
