# Copyright (c) gps_seg contributors. Apache-2.0.
"""Read a mask as it is stored."""

from typing import NamedTuple

import numpy as np
from PIL import Image

from gps_seg.datasets.conversion.pictures import check_upright, opened
from gps_seg.datasets.conversion.problems import PairError
from gps_seg.datasets.own_folder.masks.colour_numbers import packed

#: Red, green and blue of a colour of JPEG that is taken as grey differ by
#: this at most.
GREY_NOISE = 8
#: Alpha below which a pixel counts as black.
OPAQUE = 128
_LABELS = ('1', 'L', 'I', 'F')
_WITH_ALPHA = ('RGBA', 'RGBa', 'LA', 'La', 'PA')
_GREY = np.array([299, 587, 114])


class StoredMask(NamedTuple):
    """The pixels of a mask file.

    Args:
        pixels: Labels, grey values or indices into a palette, integers of
            shape (height, width); or colours, uint8 of shape (height, width,
            3).
        kind: ``'labels'`` for one channel, ``'grey'`` for colours that are
            all grey, ``'palette'`` or ``'colours'``.
        lossy: Whether the file is a JPEG.
        palette: Colours of the indices, shape (n, 3); None without a palette.
    """

    pixels: np.ndarray
    kind: str
    lossy: bool
    palette: np.ndarray | None = None

    def colours(self) -> np.ndarray:  # shape: (height, width)
        """Colours as numbers ``0xRRGGBB``.

        Raises:
            PairError: If labels are no grey values of 8 bits.
        """
        if self.palette is not None:
            return packed(self.palette)[self.pixels]
        if self.pixels.ndim == 3:
            return packed(self.pixels)
        if self.pixels.size and self.pixels.max() > 255:
            raise PairError('expected colours, got labels of more than 8 bits')
        return self.pixels.astype(np.int32) * 0x010101


def read_mask(content: bytes) -> StoredMask:
    """Decode a mask and keep what it stores.

    Transparent pixels (alpha below ``OPAQUE``) are black.

    Args:
        content: Bytes of the file.

    Raises:
        PairError: If it is no complete image, has several pages, has
            fractions, or is turned by EXIF.
    """
    with opened(content) as image:
        pages = getattr(image, 'n_frames', 1)
        lossy = image.format == 'JPEG'
        palette = None
        if image.mode == 'P':
            palette = _palette(image)
            pixels = np.asarray(image)
        elif image.mode.partition(';')[0] in _LABELS:
            pixels = np.asarray(image)
        else:
            pixels = _rgb(image)
    if pages > 1:
        raise PairError(
            f'expected one image, got {pages} pages. Write each to a file'
        )
    check_upright(content)
    if palette is not None:
        return StoredMask(pixels, 'palette', lossy, palette)
    if pixels.ndim == 3:
        return _grey_or_colours(pixels, lossy)
    return StoredMask(_whole(pixels), 'labels', lossy)


def _palette(image: Image.Image) -> np.ndarray:
    """Colours of all 256 indices; black where the file has none."""
    stored = image.getpalette('RGB') or []
    padded = [*stored, *[0] * (768 - len(stored))]
    return np.array(padded[:768], np.uint8).reshape(256, 3)


def _rgb(image: Image.Image) -> np.ndarray:
    if image.mode not in _WITH_ALPHA:
        return np.asarray(image.convert('RGB'))
    rgba = np.array(image.convert('RGBA'))
    rgba[rgba[..., 3] < OPAQUE] = 0
    return rgba[..., :3]


def _grey_or_colours(pixels: np.ndarray, lossy: bool) -> StoredMask:
    low, high = pixels.min(-1), pixels.max(-1)
    if int((high - low).max()) <= (GREY_NOISE if lossy else 0):
        grey = (pixels @ _GREY + 500) // 1000
        return StoredMask(grey.astype(np.uint8), 'grey', lossy)
    return StoredMask(pixels, 'colours', lossy)


def _whole(pixels: np.ndarray) -> np.ndarray:
    """Labels as integers."""
    if pixels.dtype == np.bool_:
        return pixels.astype(np.uint8)
    if pixels.dtype.kind != 'f':
        return pixels if pixels.dtype == np.uint8 else pixels.astype(np.int32)
    rounded: np.ndarray = np.rint(pixels)
    if not np.array_equal(rounded, pixels) or abs(rounded).max() > 2**31 - 1:
        odd = float(pixels[rounded != pixels][:1].sum())
        raise PairError(f'expected whole numbers, got fractions such as {odd}')
    return rounded.astype(np.int32)
