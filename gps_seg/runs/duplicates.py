# Copyright (c) gps_seg contributors. Apache-2.0.
"""Images in two data sets of a config that are copies or look alike."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any, NamedTuple

import numpy as np
from mmengine import fileio

from gps_seg.datasets.conversion.copies import Seen
from gps_seg.datasets.conversion.pictures import SUFFIXES, decode
from gps_seg.datasets.conversion.problems import about, problems_of
from gps_seg.datasets.conversion.report_text import (
    MAX_LISTED,
    bullets,
    raise_problems,
)
from gps_seg.datasets.near_copies import BITS, MOST_BITS, near_pairs
from gps_seg.datasets.overview.splits import (
    SplitOverview,
    look_at,
    look_at_unseen,
)
from gps_seg.datasets.progress import Progress
from gps_seg.visualization import Tile, plot_contact_sheet

_MOST_DRAWN = 12


class Duplicate(NamedTuple):
    """Two images that look alike.

    Args:
        bits: Number of bits in which their fingerprints differ.
        one: The first image; its name is the path.
        other: The second image.
    """

    bits: int
    one: Seen
    other: Seen

    @property
    def is_copy(self) -> bool:
        """Whether they are equal, pixel by pixel."""
        return self.one.pixels == self.other.pixels

    @property
    def is_across(self) -> bool:
        """Whether they are in different data sets."""
        return self.one.part != self.other.part

    @property
    def is_leak(self) -> bool:
        """Whether an image to train on is also one to evaluate on."""
        parts = {self.one.part, self.other.part}
        return self.is_copy and self.is_across and 'train' in parts


def find_duplicates(
    config: Mapping[str, Any],
    progress: Progress[str] = iter,
    comparing: Progress[Any] = iter,
) -> list[Duplicate]:
    """Compare all images of a config's loaders and of ``unseen``.

    An image that several data sets list counts for the first of them.

    Args:
        config: Config with data loaders.
        progress: Wrapper of the paths that shows a progress bar.
        comparing: Wrapper of the comparisons of all images that shows one.

    Returns:
        Pairs of images, the closest first.

    Raises:
        FileNotFoundError: If files are missing.
        ValueError: If a data set or an image cannot be used.
    """
    part_of = _parts([*look_at(config), *look_at_unseen(config)])
    seen = []

    def open_image(path: str) -> None:
        image = about(path, decode, fileio.get(path), 'RGB')
        seen.append(Seen.of(path, part_of[path], image))

    raise_problems('data', problems_of(list(part_of), open_image, progress))
    looks = np.array([image.look for image in seen])
    return [
        Duplicate(bits, seen[one], seen[other])
        for bits, one, other in near_pairs(looks, progress=comparing)
    ]


def describe(found: Sequence[Duplicate]) -> str:
    """The pairs in different data sets as text, the closest first."""
    across = [pair for pair in found if pair.is_across]
    lines = [
        f'{pair.bits} bits{" (the same pixels)" if pair.is_copy else ""}: '
        f'{pair.one.part} {pair.one.name}, {pair.other.part} {pair.other.name}'
        for pair in across
    ]
    return '\n'.join(
        [
            f'Pairs of images that look alike (at most {MOST_BITS} of {BITS} '
            f'bits of their perceptual hashes differ): {len(across)} in '
            f'different data sets, {len(found) - len(across)} within one.',
            *([bullets(lines, MAX_LISTED)] if lines else []),
        ]
    )


def draw(found: Sequence[Duplicate], out: Path) -> Path | None:
    """Draw the closest pairs side by side, those across data sets first.

    Args:
        found: Pairs of images.
        out: Name of the picture.

    Returns:
        The path written; None if there is no pair.
    """
    shown = sorted(found, key=lambda pair: not pair.is_across)[:_MOST_DRAWN]
    if not shown:
        return None
    return plot_contact_sheet(
        [tile for pair in shown for tile in _tiles(pair)],
        out,
        heading=f'{len(shown)} of {len(found)} pairs that look alike',
        num_columns=4,
    )


def _parts(overviews: Sequence[SplitOverview]) -> dict[str, str]:
    """The first data set that lists each picture."""
    part_of: dict[str, str] = {}
    for overview in overviews:
        for path in overview.images:
            if PurePath(path).suffix.lower() in SUFFIXES:
                part_of.setdefault(path, overview.loader)
    return part_of


def _tiles(pair: Duplicate) -> Iterator[Tile]:
    for image in (pair.one, pair.other):
        title = f'{image.part}\n{PurePath(image.name).stem}\n{pair.bits} bits'
        yield Tile(decode(fileio.get(image.name), 'RGB'), None, title)
