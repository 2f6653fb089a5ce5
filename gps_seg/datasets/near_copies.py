# Copyright (c) gps_seg contributors. Apache-2.0.
"""Find images that look alike: copies that were resized or compressed again.

The fingerprint is a perceptual hash (Zauner, Implementation and Benchmarking
of Perceptual Image Hash Functions, 2010): which of an image's low frequencies
are above their median; 256 of them, not 64. OpenCV has the cosine transform,
so it takes a few lines; ImageHash would bring PyWavelets for these.

The limit was measured on the 1000 images of Kvasir-SEG and 296 frames of
CVC-ClinicDB. Copies of every fourth, at half and twice the size or as JPEG of
quality 30 or 10, differ in 18 bits at most. In Kvasir-SEG 4 pairs differ in 18
bits or fewer: three are the same picture, one the same view. The next pair
differs in 42, and frames of different videos in 28 or more. Of the frames of
one video only the most similar are found, so a list of videos is still needed.
A copy that was turned, mirrored or cropped is not found.

Every image is compared with every other: half a minute of one core for
100,000 images.
"""

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

from gps_seg.datasets.progress import Progress

#: Largest number of bits in which fingerprints of near copies differ.
MOST_BITS = 24
BITS = 256
_SIDE = 16  # frequencies along each side that are kept
_THUMBNAIL = 64
_BLOCK = 1024  # images that are compared with as many at once
_Block = tuple[int, int]  # the first image of either side


class NearPair(NamedTuple):
    """Two images that look alike.

    Args:
        bits: Number of bits in which their fingerprints differ.
        one: Index of the first image.
        other: Index of the second image.
    """

    bits: int
    one: int
    other: int


def fingerprint(
    image: np.ndarray,  # shape: (height, width, 3), RGB, uint8
) -> np.ndarray:  # shape: (32,), uint8
    """The 256 bits of an image that its copies share, apart from a few.

    Args:
        image: RGB image of any size.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(
        grey, (_THUMBNAIL, _THUMBNAIL), interpolation=cv2.INTER_AREA
    )
    low = cv2.dct(small.astype(np.float32))[:_SIDE, :_SIDE]
    return np.packbits(low > np.median(low))


def near_pairs(
    fingerprints: np.ndarray,  # shape: (images, 32), uint8
    most: int = MOST_BITS,
    progress: Progress[_Block] = iter,
) -> list[NearPair]:
    """All pairs whose fingerprints differ in few bits, the closest first.

    Args:
        fingerprints: Output of :func:`fingerprint` for each image.
        most: Largest number of bits that may differ.
        progress: Wrapper of the comparisons that shows a progress bar.
    """
    pairs: list[NearPair] = []
    for near in _near_blocks(fingerprints, most, progress):
        pairs += map(NearPair, *(column.tolist() for column in near))
    return sorted(pairs)


def near_sets(
    fingerprints: np.ndarray,  # shape: (images, 32), uint8
    most: int = MOST_BITS,
    progress: Progress[_Block] = iter,
) -> list[list[int]]:
    """Images that chains of near pairs connect, in sets.

    Unlike a list of all pairs, they need little memory if thousands of images
    look alike.

    Args:
        fingerprints: Output of :func:`fingerprint` for each image.
        most: Largest number of bits that may differ.
        progress: Wrapper of the comparisons that shows a progress bar.

    Returns:
        Indices of the images of each set of two or more, in order.
    """
    towards = np.arange(len(fingerprints))  # an earlier one of the set
    for _, one, other in _near_blocks(fingerprints, most, progress):
        _connect(towards, one, other)
    sets: dict[int, list[int]] = {}
    for index, first in enumerate(_firsts(towards, towards).tolist()):
        sets.setdefault(first, []).append(index)
    return [members for members in sets.values() if len(members) > 1]


def _near_blocks(
    fingerprints: np.ndarray, most: int, progress: Progress[_Block]
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Near pairs in blocks: differing bits, first and second image of each.

    A product of matrices counts equal bits minus differing ones: whole
    numbers up to 256, which are exact in float32.
    """
    starts = range(0, len(fingerprints), _BLOCK)
    blocks = [
        (one, other) for one in starts for other in starts[one // _BLOCK :]
    ]
    if not blocks:
        return
    signs = 2 * np.unpackbits(fingerprints, axis=1).astype(np.float32) - 1
    for one, other in progress(blocks):
        equal = signs[one : one + _BLOCK] @ signs[other : other + _BLOCK].T
        near = equal >= BITS - 2 * most
        rows, columns = np.nonzero(np.triu(near, 1) if one == other else near)
        if rows.size:
            bits = (BITS - equal[rows, columns].astype(int)) // 2
            yield bits, one + rows, other + columns


def _connect(towards: np.ndarray, one: np.ndarray, other: np.ndarray) -> None:
    """Join the sets of each pair; ``towards`` leads to the first of a set."""
    while one.size:
        one, other = _firsts(towards, one), _firsts(towards, other)
        apart = one != other
        one, other = one[apart], other[apart]
        np.minimum.at(towards, np.maximum(one, other), np.minimum(one, other))


def _firsts(towards: np.ndarray, images: np.ndarray) -> np.ndarray:
    """The first image of the set of each image."""
    while (towards[images] != images).any():
        images = towards[images]
    return images
