# Copyright (c) gps_seg contributors. Apache-2.0.
"""Open the files of a pair once, and keep what is small of them."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gps_seg.datasets.conversion.pair_checks import check_size
from gps_seg.datasets.conversion.pictures import check_upright, opened
from gps_seg.datasets.conversion.problems import PairError, about
from gps_seg.datasets.near_copies import fingerprint
from gps_seg.datasets.own_folder.masks.facts import MaskFacts, facts_of
from gps_seg.datasets.own_folder.masks.files import read_mask
from gps_seg.datasets.own_folder.pairing import Pair

#: Largest value of an image that is nearly black.
DARK = 15


@dataclass
class Opened:
    """What is kept of the files, once they are closed.

    Args:
        sizes: Number of images of each size, ``'<width>x<height>'``.
        looks: Fingerprint of each image.
        facts: Facts on each mask.
        dark: Names of images that are nearly black.
    """

    sizes: Counter[str] = field(default_factory=Counter)
    looks: list[np.ndarray] = field(default_factory=list)
    facts: list[MaskFacts] = field(default_factory=list)
    dark: list[str] = field(default_factory=list)

    def notes(self) -> list[str]:
        """A note on images that are nearly black, if there are any."""
        if not self.dark:
            return []
        return [
            f'{len(self.dark)} images are nearly black, such as '
            f'{self.dark[0]}: no value is above {DARK} of 255. Of 16 bits the '
            'upper 8 are read; stretch the values if the lower ones count.'
        ]


def read_image(content: bytes) -> np.ndarray:
    """The pixels of an image, RGB, uint8, shape (height, width, 3).

    Of 16 bits the upper 8 are kept, as when a model is trained.

    Args:
        content: Bytes of the file.

    Raises:
        PairError: If it is no complete image, or has fractions.
    """
    with opened(content) as image:
        is_deep = image.mode[0] in 'IF'
        pixels = np.asarray(image if is_deep else image.convert('RGB'))
    if not is_deep:
        return pixels
    if pixels.dtype.kind == 'f' or pixels.min() < 0 or pixels.max() >= 2**16:
        raise PairError(
            f'expected pixels of 8 or 16 bits, got {pixels.dtype}. Convert '
            'the image to PNG'
        )
    grey = (pixels >> 8).astype(np.uint8)
    return np.stack([grey] * 3, -1)


def open_pair(pair: Pair, images: Path, masks: Path, known: Opened) -> None:
    """Open a pair and keep what is needed of it.

    Args:
        pair: Names of the files.
        images: Folder of the images.
        masks: Folder of the masks.
        known: Facts on the pairs before it, which are added to.

    Raises:
        PairError: If one of the files cannot be used.
    """
    content = _read(images / pair.image)
    image = about(pair.image, read_image, content)
    about(pair.image, check_upright, content)
    mask = about(pair.mask, read_mask, _read(masks / pair.mask))
    about(pair.mask, check_size, mask.pixels, image.shape)
    height, width = image.shape[:2]
    known.sizes[f'{width}x{height}'] += 1
    if image.max() <= DARK:
        known.dark.append(pair.name)
    known.looks.append(fingerprint(image))
    known.facts.append(facts_of(pair.mask, mask))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PairError(
            f'{path.name}: cannot be read ({error.strerror})'
        ) from error
