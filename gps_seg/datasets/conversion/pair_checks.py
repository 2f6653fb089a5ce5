# Copyright (c) gps_seg contributors. Apache-2.0.
"""Is this image usable, and is this mask a mask?

Pillow decodes here, not OpenCV: ``cv2.imdecode`` fills the missing rows of a
truncated JPEG with grey and says nothing, so a half-downloaded image would
train.
"""

import hashlib
import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from gps_seg.datasets.conversion.source_files import (
    MAX_MEMBER,
    UNREADABLE_MEMBER,
    SourceFiles,
)

Result = TypeVar('Result')

#: Those that are decoded; Pillow runs another program for some of the others.
FORMATS = ('JPEG', 'PNG', 'TIFF', 'BMP', 'WEBP', 'PPM')
#: What names of such files end in.
SUFFIXES = ('.jpg', '.jpeg', '.png', '.tif', '.tiff', '.bmp', '.webp', '.ppm')

MASK_THRESHOLD = 127
MID_GREY = (32, 223)
EDGE_WINDOW = 5
MAX_MID_GREY_SHARE = 0.001


class PairError(ValueError):
    """An image or a mask that cannot be used; the text says why."""


@dataclass(frozen=True)
class MaskFacts:
    """A checked mask and what the report says about it."""

    classes: np.ndarray  # shape: (height, width), uint8, 0 or 1
    polyp_share: float
    mid_grey_share: float


def read_member(
    files: SourceFiles, name: str, limit: int = MAX_MEMBER
) -> bytes:
    """Content of one file of a source.

    Args:
        files: Files of the source.
        name: Name of one of them.
        limit: The most bytes that it may have.

    Raises:
        PairError: If it cannot be read or is larger; names the file.
    """
    try:
        return files.read(name, limit)
    except UNREADABLE_MEMBER as error:
        raise PairError(f'{name}: cannot be read ({error})') from error


def about(name: str, check: Callable[..., Result], *args: object) -> Result:
    """Run a check of pixels, and put the file's name before what it says."""
    try:
        return check(*args)
    except PairError as problem:
        raise PairError(f'{name}: {problem}') from problem


def decode(content: bytes, mode: str | None) -> np.ndarray:
    """All pixels of an image file, or an error.

    An image of a few bytes can have any number of pixels, so more than
    ``PIL.Image.MAX_IMAGE_PIXELS``, some 89 million, are not decoded; that
    bounds the memory, by some 14 bytes a pixel.

    Args:
        content: The bytes of the file.
        mode: Pillow mode: ``'RGB'`` gives (height, width, 3), ``'L'`` gives
            (height, width), both uint8. None leaves the values as they are
            stored: class ids, or indices into a palette.

    Raises:
        PairError: If the file is not an image of one of ``FORMATS``, is cut
            short, or has too many pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('error', Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content), formats=FORMATS)
        with image:
            image.load()
            return np.asarray(image.convert(mode) if mode else image)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise PairError(
            f'expected at most {Image.MAX_IMAGE_PIXELS:,} pixels, got more'
        ) from None
    except UnidentifiedImageError as error:
        # Its own text is the address of the buffer.
        raise PairError('expected an image file, got other bytes') from error
    # Pillow raises SyntaxError, struct.error and more on malformed headers;
    # whatever a decoder says about bytes from outside, the file is unusable.
    except Exception as error:
        raise PairError(
            f'expected a complete image file, cannot decode it ({error})'
        ) from error


def pixel_hash(image: np.ndarray) -> str:
    """Hash that is equal exactly for images of equal shape and pixels."""
    digest = hashlib.sha256(repr(image.shape).encode())
    digest.update(np.ascontiguousarray(image).data)
    return digest.hexdigest()


def check_mask(grey: np.ndarray, image_shape: tuple[int, ...]) -> MaskFacts:
    """Threshold a mask that was stored as a JPEG, if it is one.

    Two-valued means: no more than ``MAX_MID_GREY_SHARE`` of the pixels lie in
    a patch of mid-grey, that is, have a mid-grey neighbourhood of
    ``EDGE_WINDOW`` x ``EDGE_WINDOW``. JPEG noise and softened outlines are
    narrower than that.

    Args:
        grey: shape (height, width), uint8; polyp bright, background dark.
        image_shape: Shape of the image that the mask belongs to.

    Raises:
        PairError: If the size differs from the image's, nothing is above
            the threshold, or the mask is not two-valued.
    """
    check_size(grey, image_shape)
    patches = _mid_grey_patches(grey)
    if patches > MAX_MID_GREY_SHARE:
        raise PairError(
            f'expected two values (about 0 and 255), got {patches:.1%} of the '
            f'pixels in patches of {MID_GREY[0]}..{MID_GREY[1]}'
        )
    classes = (grey > MASK_THRESHOLD).astype(np.uint8)
    if not classes.any():
        raise PairError(
            'expected a polyp, got an empty mask (no pixel above '
            f'{MASK_THRESHOLD})'
        )
    share = float(_is_mid_grey(grey).mean())
    return MaskFacts(classes, float(classes.mean()), share)


def check_size(labels: np.ndarray, image_shape: tuple[int, ...]) -> None:
    """Refuse a map of labels that is not as large as its image.

    Args:
        labels: shape (height, width, ...).
        image_shape: Shape of the image that they belong to.

    Raises:
        PairError: If height or width differ.
    """
    if labels.shape[:2] != tuple(image_shape[:2]):
        raise PairError(
            f'expected the size of its image, {_size(image_shape)}, got '
            f'{_size(labels.shape)}'
        )


def encode_png(classes: np.ndarray) -> bytes:
    """PNG bytes of a class map, shape (height, width), uint8."""
    buffer = io.BytesIO()
    Image.fromarray(classes).save(buffer, format='PNG', optimize=False)
    return buffer.getvalue()


def _is_mid_grey(grey: np.ndarray) -> np.ndarray:
    low, high = MID_GREY
    return (grey >= low) & (grey <= high)


def _mid_grey_patches(grey: np.ndarray) -> float:
    """Share of pixels whose whole neighbourhood is mid-grey."""
    window = np.ones((EDGE_WINDOW, EDGE_WINDOW), np.uint8)
    inner = cv2.erode(_is_mid_grey(grey).astype(np.uint8), window)
    return float(inner.mean())


def _size(shape: tuple[int, ...]) -> str:
    return f'{shape[1]} x {shape[0]} (width x height)'
