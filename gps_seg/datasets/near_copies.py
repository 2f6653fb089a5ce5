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
"""

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

#: Largest number of bits in which fingerprints of near copies differ.
MOST_BITS = 24
BITS = 256
_SIDE = 16  # frequencies along each side that are kept
_THUMBNAIL = 64
_ONES = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(1)


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
) -> list[NearPair]:
    """All pairs whose fingerprints differ in few bits, the closest first.

    Args:
        fingerprints: Output of :func:`fingerprint` for each image.
        most: Largest number of bits that may differ.
    """
    pairs = []
    for one, others, bits in near_rows(fingerprints, most):
        pairs += [
            NearPair(int(differing), one, int(other))
            for other, differing in zip(others, bits, strict=True)
        ]
    return sorted(pairs)


def near_sets(
    fingerprints: np.ndarray,  # shape: (images, 32), uint8
    most: int = MOST_BITS,
) -> list[list[int]]:
    """Images that chains of near pairs connect, in sets.

    Unlike a list of all pairs, they need little memory if thousands of images
    look alike.

    Args:
        fingerprints: Output of :func:`fingerprint` for each image.
        most: Largest number of bits that may differ.

    Returns:
        Indices of the images of each set of two or more, in order.
    """
    first = list(range(len(fingerprints)))  # towards the first of its set

    def first_of(index: int) -> int:
        while first[index] != index:
            first[index] = first[first[index]]
            index = first[index]
        return index

    for one, others, _ in near_rows(fingerprints, most):
        for other in map(int, others):
            low, high = sorted((first_of(one), first_of(other)))
            first[high] = low
    sets: dict[int, list[int]] = {}
    for index in range(len(fingerprints)):
        sets.setdefault(first_of(index), []).append(index)
    return [members for members in sets.values() if len(members) > 1]


def near_rows(
    fingerprints: np.ndarray,  # shape: (images, 32), uint8
    most: int,
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Each image with the later ones that look like it, and the bits.

    Args:
        fingerprints: Output of :func:`fingerprint` for each image.
        most: Largest number of bits that may differ.
    """
    for one in range(len(fingerprints) - 1):
        rest = fingerprints[one + 1 :]
        bits = _ONES[fingerprints[one] ^ rest].sum(1)
        near = np.flatnonzero(bits <= most)
        if near.size:
            yield one, one + 1 + near, bits[near]
