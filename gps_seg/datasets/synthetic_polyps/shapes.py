# Copyright (c) gps_seg contributors. Apache-2.0.
"""The shapes of polyps, as formulas.

A polyp is a union of parts, each a function that is positive inside the part.
Formulas have no resolution: the image is drawn on a fine grid, the mask is
evaluated at the pixel centres, and both have the same outline. So the masks
are exact by construction.

x points to the right and y down; both run from -1 to 1 between the outer edges
of the image.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gps_seg.datasets.synthetic_polyps.noise import FloatArray

# Harmonics of a part's outline; the first would only move its centre.
OUTLINE_HARMONICS = (2, 3, 4, 5)


@dataclass(frozen=True)
class Grid:
    """Pixel centres of a square image.

    Attributes:
        x: Values from left to right within (-1, 1), shape ``(size, size)``.
        y: Values from top to bottom within (-1, 1), shape ``(size, size)``.
    """

    x: FloatArray
    y: FloatArray

    @classmethod
    def square(cls, size: int) -> Grid:
        """The grid of an image of ``size`` x ``size`` pixels."""
        centres = (2 * np.arange(size, dtype=np.float32) + 1) / size - 1
        x, y = np.meshgrid(centres, centres)
        return cls(x, y)

    @property
    def pitch(self) -> float:
        """Distance between two neighbouring pixel centres."""
        return 2 / len(self.x)


class Part(Protocol):
    """A piece of a polyp."""

    def height(self, grid: Grid) -> FloatArray:
        """Height above the mucosa, shape of the grid; 0 outside the part."""


@dataclass(frozen=True)
class Bump:
    """A dome over an ellipse with a wavy outline.

    Attributes:
        centre: x and y.
        radii: Half axes.
        angle: Direction of the first half axis, in radians.
        waves: Amplitude and phase of each of ``OUTLINE_HARMONICS``, as one
            complex number.
        peak: Height in the middle, in units of the coordinates.
        steepness: Exponent of the profile: 0.5 is a hemisphere, less a
            plateau, more a hill with a soft foot.
    """

    centre: tuple[float, float]
    radii: tuple[float, float]
    angle: float
    waves: tuple[complex, ...]
    peak: float
    steepness: float

    def height(self, grid: Grid) -> FloatArray:
        """Height above the mucosa, shape of the grid; 0 outside the bump."""
        dx, dy = grid.x - self.centre[0], grid.y - self.centre[1]
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        u = (dx * cos + dy * sin) / self.radii[0]
        v = (dy * cos - dx * sin) / self.radii[1]
        radius = np.maximum(np.hypot(u, v), np.float32(1e-6))
        direction = (u + 1j * v) / radius
        # Powers of a direction are the harmonics of its angle.
        ripple = sum(
            wave * direction**harmonic
            for harmonic, wave in zip(
                OUTLINE_HARMONICS, self.waves, strict=True
            )
        )
        inside = 1 - (radius / (1 + np.real(ripple))) ** 2
        return self.peak * np.maximum(inside, 0) ** self.steepness


@dataclass(frozen=True)
class Stalk:
    """A round rod between two points.

    Attributes:
        start: x and y of one end.
        end: x and y of the other end.
        radius: Half its thickness, and its height.
    """

    start: tuple[float, float]
    end: tuple[float, float]
    radius: float

    def height(self, grid: Grid) -> FloatArray:
        """Height above the mucosa, shape of the grid; 0 outside the rod."""
        axis = np.subtract(self.end, self.start)
        dx, dy = grid.x - self.start[0], grid.y - self.start[1]
        along = (dx * axis[0] + dy * axis[1]) / np.dot(axis, axis)
        along = np.clip(along, 0, 1)
        distance2 = (dx - along * axis[0]) ** 2 + (dy - along * axis[1]) ** 2
        return self.radius * np.sqrt(
            np.maximum(1 - distance2 / self.radius**2, 0)
        )


def polyp_height(parts: tuple[Part, ...], grid: Grid) -> FloatArray:
    """Height of a union of parts; positive exactly on the polyp."""
    return functools.reduce(np.maximum, (p.height(grid) for p in parts))
