# Copyright (c) gps_seg contributors. Apache-2.0.
"""Smooth random fields: the raw material of every texture in the images.

The random numbers are drawn on a small lattice that is then enlarged, so they
do not depend on the size of the image.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


def smooth_noise(
    rng: np.random.Generator, size: int, cells: int
) -> FloatArray:  # shape: (size, size)
    """A field with about ``cells`` bumps across, mean 0, deviation about 1."""
    # Two extra cells on each side keep the border of the enlargement out of
    # the image.
    lattice = rng.standard_normal((cells + 4, cells + 4)).astype(np.float32)
    # Cubic enlargement averages neighbours; 1.5 restores the deviation.
    scale = size / cells
    shift = np.array(
        [[1 / scale, 0, 2 + 0.5 / scale - 0.5],
         [0, 1 / scale, 2 + 0.5 / scale - 0.5]]
    )  # fmt: skip
    return 1.5 * cv2.warpAffine(
        lattice,
        shift,
        (size, size),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )


def fractal_noise(
    rng: np.random.Generator, size: int, cells: int, octaves: int
) -> FloatArray:  # shape: (size, size)
    """Sum of smooth fields, each twice as fine and half as strong.

    Args:
        rng: Random number generator.
        size: Pixels along each side.
        cells: Bumps across the coarsest field.
        octaves: Number of fields.

    Returns:
        A field with mean 0 and deviation about 1.
    """
    field = np.zeros((size, size), np.float32)
    power = 0.0
    for octave in range(octaves):
        weight = 0.5**octave
        field += weight * smooth_noise(rng, size, cells * 2**octave)
        power += weight**2
    return field / np.float32(np.sqrt(power))


def veins(
    rng: np.random.Generator, size: int, cells: int, width: float
) -> FloatArray:  # shape: (size, size)
    """Thin winding lines, 1 on the line and 0 away from it.

    The lines are the zeros of a smooth field. They wind and form loops like
    blood vessels under the mucosa.

    Args:
        rng: Random number generator.
        size: Pixels along each side.
        cells: Bumps across the field; more cells give more lines.
        width: Half the width of a line, relative to the side of the image.
    """
    field = fractal_noise(rng, size, cells, octaves=2)
    slope_y, slope_x = np.gradient(field, 1 / size)
    # Dividing by the slope turns the value into a distance.
    distance = field / (np.hypot(slope_x, slope_y) + cells)
    return np.exp(-((distance / width) ** 2))
