# Copyright (c) gps_seg contributors. Apache-2.0.
"""Colours as numbers ``0xRRGGBB``, which can be sorted and compared."""

import numpy as np


def packed(colours: np.ndarray) -> np.ndarray:
    """Colours as numbers ``0xRRGGBB``, int32.

    Args:
        colours: Red, green and blue in the last dimension.
    """
    red, green, blue = np.moveaxis(np.asarray(colours, np.int32), -1, 0)
    return red << 16 | green << 8 | blue


def unpacked(numbers: np.ndarray) -> np.ndarray:  # shape: (..., 3)
    """Red, green and blue of numbers ``0xRRGGBB``, int32."""
    numbers = np.asarray(numbers, np.int32)
    return np.stack(
        [numbers >> 16 & 255, numbers >> 8 & 255, numbers & 255], -1
    )


def distances(numbers: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The largest difference of two colours in a channel, 0 to 255.

    Args:
        numbers: Colours as numbers, shape (n,).
        others: Colours as numbers, shape (m,).

    Returns:
        Distances, shape (n, m).
    """
    difference = unpacked(numbers)[:, None] - unpacked(others)[None]
    return np.asarray(np.abs(difference).max(-1))


def hexadecimal(number: int) -> str:
    """A colour as ``#rrggbb``.

    Example:
        >>> hexadecimal(0xFF8000)
        '#ff8000'
    """
    return f'#{int(number):06x}'
