# Copyright (c) gps_seg contributors. Apache-2.0.
"""Checks that a file can be read, and that a mask fits its image."""

from dataclasses import dataclass

import cv2
import numpy as np

from gps_seg.datasets.conversion.problems import PairError
from gps_seg.datasets.conversion.source_files import (
    MAX_MEMBER,
    UNREADABLE_MEMBER,
    SourceFiles,
)

MASK_THRESHOLD = 127
MID_GREY = (32, 223)
EDGE_WINDOW = 5
MAX_MID_GREY_SHARE = 0.001


@dataclass(frozen=True)
class MaskFacts:
    """A checked mask and what the report says about it.

    Args:
        classes: Class of each pixel, shape (height, width), uint8, 0 or 1.
        polyp_share: Share of the polyp's pixels.
        mid_grey_share: Share of mid-grey pixels before the threshold.
    """

    classes: np.ndarray
    polyp_share: float
    mid_grey_share: float


def read_member(
    files: SourceFiles, name: str, limit: int = MAX_MEMBER
) -> bytes:
    """Content of one file of a source.

    Args:
        files: Files of the source.
        name: Name of one of them.
        limit: Largest size in bytes.

    Raises:
        PairError: If it cannot be read or is larger; names the file.
    """
    try:
        return files.read(name, limit)
    except UNREADABLE_MEMBER as error:
        raise PairError(f'{name}: cannot be read ({error})') from error


def check_mask(grey: np.ndarray, image_shape: tuple[int, ...]) -> MaskFacts:
    """Threshold a mask that may have been stored as a JPEG.

    A mask must be two-valued: at most ``MAX_MID_GREY_SHARE`` of its pixels
    may have a neighbourhood of ``EDGE_WINDOW`` x ``EDGE_WINDOW`` pixels that
    is mid-grey throughout. JPEG noise and soft outlines are narrower.

    Args:
        grey: Mask, shape (height, width), uint8; the polyp is bright, the
            background dark.
        image_shape: Shape of the image that the mask belongs to.

    Raises:
        PairError: If the size differs from the image's, nothing is above
            the threshold, or the mask is not two-valued.
    """
    check_size(grey, image_shape)
    check_two_values(mid_grey_patches(grey))
    classes = (grey > MASK_THRESHOLD).astype(np.uint8)
    if not classes.any():
        raise PairError(
            'expected a polyp, got an empty mask (no pixel above '
            f'{MASK_THRESHOLD}, the brightest is {int(grey.max())})'
        )
    share = float(_is_mid_grey(grey).mean())
    return MaskFacts(classes, float(classes.mean()), share)


def check_size(labels: np.ndarray, image_shape: tuple[int, ...]) -> None:
    """Refuse a map of labels that is not as large as its image.

    Args:
        labels: Map of labels, shape (height, width, ...).
        image_shape: Shape of the image that the map belongs to.

    Raises:
        PairError: If height or width differ.
    """
    if labels.shape[:2] != tuple(image_shape[:2]):
        raise PairError(
            f'expected the size of its image, {_size(image_shape)}, got '
            f'{_size(labels.shape)}'
        )


def check_two_values(patches: float) -> None:
    """Refuse a mask that has more than noise between black and white.

    Args:
        patches: Result of :func:`mid_grey_patches`.

    Raises:
        PairError: If the share is above ``MAX_MID_GREY_SHARE``.
    """
    if patches > MAX_MID_GREY_SHARE:
        raise PairError(
            f'expected two values (about 0 and 255), got {patches:.1%} of the '
            f'pixels in patches of grey ({MID_GREY[0]}..{MID_GREY[1]})'
        )


def mid_grey_patches(grey: np.ndarray) -> float:
    """Share of pixels whose whole neighbourhood is mid-grey.

    Args:
        grey: Mask, shape (height, width), uint8.
    """
    return share_in_patches(_is_mid_grey(grey))


def share_in_patches(
    odd: np.ndarray,  # shape: (height, width), bool
) -> float:
    """Share of pixels whose neighbourhood of ``EDGE_WINDOW`` is odd.

    Noise and soft outlines are narrower.

    Args:
        odd: Pixels that are not what is expected.
    """
    window = np.ones((EDGE_WINDOW, EDGE_WINDOW), np.uint8)
    return float(cv2.erode(odd.astype(np.uint8), window).mean())


def _is_mid_grey(grey: np.ndarray) -> np.ndarray:
    low, high = MID_GREY
    return (grey >= low) & (grey <= high)


def _size(shape: tuple[int, ...]) -> str:
    return f'{shape[1]} x {shape[0]} (width x height)'
