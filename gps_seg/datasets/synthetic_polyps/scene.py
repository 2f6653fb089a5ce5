# Copyright (c) gps_seg contributors. Apache-2.0.
"""The scene in front of the endoscope, and which pixels of it are polyp."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gps_seg.datasets.synthetic_polyps.noise import FloatArray
from gps_seg.datasets.synthetic_polyps.polyps import draw_polyps
from gps_seg.datasets.synthetic_polyps.shapes import (
    Grid,
    Part,
    polyp_height,
)

Uint8Array = NDArray[np.uint8]


@dataclass(frozen=True)
class Scene:
    """The scene in front of the endoscope.

    Attributes:
        polyps: Parts of each polyp.
        lumen: x and y of the dark end of the colon; may lie outside the
            image.
        light: x, y and height of the lamp.
        corner: Value of |x| + |y| beyond which the corners are black.
    """

    polyps: list[tuple[Part, ...]]
    lumen: tuple[float, float]
    light: tuple[float, float, float]
    corner: float


def draw_scene(rng: np.random.Generator) -> Scene:
    """Random positions of everything in the image."""
    polyps = draw_polyps(rng)
    angle = rng.uniform(0, 2 * np.pi)
    distance = rng.uniform(0.55, 1.3)
    light = rng.uniform(-0.5, 0.5, 2)
    return Scene(
        polyps=polyps,
        lumen=(float(distance * np.cos(angle)),
               float(distance * np.sin(angle))),
        light=(float(light[0]), float(light[1]), float(rng.uniform(1, 1.4))),
        corner=float(rng.uniform(1.6, 1.8)),
    )  # fmt: skip


def polyp_mask(scene: Scene, grid: Grid) -> Uint8Array:
    """1 on the visible part of the polyps, 0 elsewhere; shape of the grid."""
    inside = [polyp_height(parts, grid) > 0 for parts in scene.polyps]
    visible = field_of_view(scene, grid) > 0
    return (np.any(inside, axis=0) & visible).astype(np.uint8)


def field_of_view(scene: Scene, grid: Grid) -> FloatArray:
    """Positive where the octagonal field of view is open."""
    return scene.corner - np.abs(grid.x) - np.abs(grid.y)
