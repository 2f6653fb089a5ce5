# Copyright (c) gps_seg contributors. Apache-2.0.
"""Decode the pictures of a source, and refuse what cannot be used.

Pillow decodes here, not OpenCV: ``cv2.imdecode`` fills the missing rows of a
truncated JPEG with grey without an error, so a training would use images that
were half downloaded.
"""

import hashlib
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image, UnidentifiedImageError

from gps_seg.datasets.conversion.problems import PairError

#: Formats that are decoded. For some others Pillow runs another program.
FORMATS = ('JPEG', 'PNG', 'TIFF', 'BMP', 'WEBP', 'PPM')
#: Endings of the names of such files.
SUFFIXES = ('.jpg', '.jpeg', '.png', '.tif', '.tiff', '.bmp', '.webp', '.ppm')

ORIENTATION = 0x0112  # tag of EXIF; 2 to 8 turn or mirror the image


def decode(content: bytes, mode: str | None) -> np.ndarray:
    """All pixels of an image file, or an error.

    A file of a few bytes can claim any number of pixels. An image of more
    than ``PIL.Image.MAX_IMAGE_PIXELS``, about 89 million, is not decoded.
    This bounds the memory, which is about 14 bytes per pixel.

    Args:
        content: Bytes of the file.
        mode: Pillow mode: ``'RGB'`` gives (height, width, 3), ``'L'`` gives
            (height, width), both uint8; a channel of more than 8 bits is
            cut off at 255. None keeps the stored values: class
            ids, or indices into a palette.

    Raises:
        PairError: If the file is not an image of one of ``FORMATS``, is cut
            short, or has too many pixels.
    """
    with opened(content) as image:
        if mode and image.mode[0] in 'IF':
            # What Pillow's own conversion does depends on its version.
            image = Image.fromarray(
                np.asarray(image).clip(0, 255).astype(np.uint8)
            )
        return np.asarray(image.convert(mode) if mode else image)


@contextmanager
def opened(content: bytes) -> Iterator[Image.Image]:
    """The image of a file, with all its pixels; :func:`decode` has the rules.

    Args:
        content: Bytes of the file.

    Raises:
        PairError: If the file or what the block makes of it is no image.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('error', Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content), formats=FORMATS)
        with image:
            image.load()
            yield image
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise PairError(
            f'expected at most {Image.MAX_IMAGE_PIXELS:,} pixels, got more. '
            'Cut it into tiles, or make it smaller'
        ) from None
    except UnidentifiedImageError as error:
        # Its own text is the address of the buffer.
        raise PairError('expected an image file, got other bytes') from error
    # Pillow raises SyntaxError, struct.error and more on malformed headers.
    except Exception as error:
        raise PairError(
            f'expected a complete image file, cannot decode it ({error})'
        ) from error


def check_upright(content: bytes) -> None:
    """Refuse an image file with a note to turn it, which its mask lacks.

    OpenCV, and so MMSegmentation, turns such an image and not its mask.

    Args:
        content: Bytes of a sound image file.

    Raises:
        PairError: If its EXIF data say that it is turned or mirrored.
    """
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        orientation = image.getexif().get(ORIENTATION, 1)
    if orientation in range(2, 9):
        raise PairError(
            'expected pixels that are stored upright, got the EXIF '
            f'orientation {orientation}, by which the image is turned and its '
            'mask is not. Turn the pixels and remove the tag'
        )


def pixel_hash(image: np.ndarray) -> str:
    """Hash that is equal exactly for images of equal shape and pixels."""
    digest = hashlib.sha256(repr(image.shape).encode())
    digest.update(np.ascontiguousarray(image).data)
    return digest.hexdigest()


def encode_png(classes: np.ndarray) -> bytes:
    """PNG bytes of a class map, shape (height, width), uint8."""
    buffer = io.BytesIO()
    Image.fromarray(classes).save(buffer, format='PNG', optimize=False)
    return buffer.getvalue()
