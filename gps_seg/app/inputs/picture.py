# Copyright (c) gps_seg contributors. Apache-2.0.
"""An image file from a user: checked, decoded, and scaled down if large."""

from __future__ import annotations

import math
import os
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

#: Formats that are read, with their names for messages.
FORMATS = {
    'BMP': 'BMP',
    'JPEG': 'JPEG',
    'PNG': 'PNG',
    'TIFF': 'TIFF',
    'WEBP': 'WebP',
}
#: Pixels of an image on the page; larger ones are scaled down to this.
MOST_PIXELS = 2**20
#: Pixels of a file; larger ones are refused before they are decoded.
MOST_IN_FILE = 64_000_000
LEAST_SIDE = 16
_NAMES = ', '.join(dict.fromkeys(FORMATS.values()))


class Picture(NamedTuple):
    """An image as the page shows and segments it.

    Args:
        pixels: RGB, uint8, shape (height, width, 3).
        in_file: Height and width in the file, after its EXIF rotation.
    """

    pixels: np.ndarray
    in_file: tuple[int, int]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.pixels.shape[:2]
        return height, width

    @property
    def note(self) -> str:
        """What was done to the image; empty if nothing was."""
        if self.size == self.in_file:
            return ''
        return (
            f'Scaled down from {_text(self.in_file)} to {_text(self.size)} '
            'pixels.'
        )


def read_picture(path: str | os.PathLike[str]) -> Picture:
    """Read an image as a training does.

    OpenCV decodes it: EXIF rotation is applied, grey becomes RGB, an alpha
    channel is dropped, of 16 bits the upper 8 are kept.

    Args:
        path: File of the image.

    Raises:
        ValueError: If it is not an image of a known format, is damaged, too
            large or too small.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     Image.new('L', (2048, 1024)).save(f'{folder}/grey.png')
        ...     picture = read_picture(f'{folder}/grey.png')
        >>> picture.size, picture.note
        ((724, 1448), 'Scaled down from 2,048 x 1,024 to 1,448 x 724 pixels.')
    """
    check_file(path)
    content = np.fromfile(path, np.uint8)
    try:
        pixels = cv2.imdecode(content, cv2.IMREAD_COLOR)
    except cv2.error:
        pixels = None
    if pixels is None or pixels.dtype != np.uint8:
        raise ValueError(
            'image: expected a file that can be decoded, got a damaged one or '
            'one of an unusual kind. Save it again as PNG or JPEG.'
        )
    height, width = pixels.shape[:2]
    rgb = cv2.cvtColor(_scaled_down(pixels), cv2.COLOR_BGR2RGB)
    return Picture(rgb, (height, width))


def check_file(path: str | os.PathLike[str]) -> None:
    """Refuse a file by its first bytes, before it is decoded.

    Args:
        path: File of an image or a mask.

    Raises:
        ValueError: See :func:`read_picture`.
    """
    try:
        with Image.open(path, formats=tuple(FORMATS)) as image:
            width, height = image.size
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_large('more') from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        raise ValueError(
            f'image: expected one of {_NAMES}, got a file that is none of '
            'them. Choose an image.'
        ) from None
    if width * height > MOST_IN_FILE:
        raise _too_large(_text((height, width)))
    if min(width, height) < LEAST_SIDE:
        raise ValueError(
            f'image: expected {LEAST_SIDE} pixels or more on each side, got '
            f'{_text((height, width))}. Choose a larger image.'
        )


def _too_large(got: str) -> ValueError:
    return ValueError(
        f'image: expected {MOST_IN_FILE // 10**6} million pixels or fewer, '
        f'got {got}. Scale it down, or cut out a part.'
    )


def _scaled_down(pixels: np.ndarray) -> np.ndarray:
    height, width = pixels.shape[:2]
    factor = math.sqrt(MOST_PIXELS / (height * width))
    if factor >= 1:
        return pixels
    size = (max(1, int(width * factor)), max(1, int(height * factor)))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def _text(size: tuple[int, int]) -> str:
    height, width = size
    return f'{width:,} x {height:,}'
