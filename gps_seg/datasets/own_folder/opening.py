# Copyright (c) gps_seg contributors. Apache-2.0.
"""Open the files of a pair once, and keep what is small of them."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gps_seg.datasets.conversion.pair_checks import check_size
from gps_seg.datasets.conversion.pictures import check_upright, decode
from gps_seg.datasets.conversion.problems import PairError, about
from gps_seg.datasets.near_copies import fingerprint
from gps_seg.datasets.own_folder.masks.facts import MaskFacts, facts_of
from gps_seg.datasets.own_folder.masks.files import read_mask
from gps_seg.datasets.own_folder.pairing import Pair


@dataclass
class Opened:
    """What is kept of the files, once they are closed.

    Args:
        sizes: Number of images of each size, ``'<width>x<height>'``.
        looks: Fingerprint of each image.
        facts: Facts on each mask.
    """

    sizes: Counter[str] = field(default_factory=Counter)
    looks: list[np.ndarray] = field(default_factory=list)
    facts: list[MaskFacts] = field(default_factory=list)


def open_pair(pair: Pair, images: Path, masks: Path, opened: Opened) -> None:
    """Open a pair and keep what is needed of it.

    Args:
        pair: Names of the files.
        images: Folder of the images.
        masks: Folder of the masks.
        opened: Facts on the pairs before it, which are added to.

    Raises:
        PairError: If one of the files cannot be used.
    """
    content = _read(images / pair.image)
    image = about(pair.image, decode, content, 'RGB')
    about(pair.image, check_upright, content)
    mask = about(pair.mask, read_mask, _read(masks / pair.mask))
    about(pair.mask, check_size, mask.pixels, image.shape)
    height, width = image.shape[:2]
    opened.sizes[f'{width}x{height}'] += 1
    opened.looks.append(fingerprint(image))
    opened.facts.append(facts_of(pair.mask, mask))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PairError(
            f'{path.name}: cannot be read ({error.strerror})'
        ) from error
