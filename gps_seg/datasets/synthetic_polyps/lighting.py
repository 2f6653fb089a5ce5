# Copyright (c) gps_seg contributors. Apache-2.0.
"""The lamp of the endoscope on a surface that has a height."""

from __future__ import annotations

import numpy as np

from gps_seg.datasets.synthetic_polyps.noise import FloatArray, smooth_noise
from gps_seg.datasets.synthetic_polyps.scene import Scene
from gps_seg.datasets.synthetic_polyps.shapes import Grid


def lighting(
    rng: np.random.Generator, scene: Scene, grid: Grid, bumps: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Diffuse and specular light of a lamp near the camera.

    Args:
        rng: Random number generator.
        scene: Scene with the position of the lamp.
        grid: Pixel centres.
        bumps: Height of the surface, shape of the grid.

    Returns:
        Two factors, each of the grid's shape.
    """
    # Only some patches of the mucosa are wet enough to glitter.
    ripple = 0.008 * smooth_noise(rng, len(bumps), 20)
    wet = bumps + ripple * np.clip(smooth_noise(rng, len(bumps), 3), 0, 1)
    to_lamp = np.stack(
        [scene.light[0] - grid.x, scene.light[1] - grid.y,
         scene.light[2] - bumps], axis=-1,
    )  # fmt: skip
    lamp, distance = _unit(to_lamp)
    lambert = _dot(_normals(bumps, grid.pitch), lamp)
    falloff = (scene.light[2] / distance) ** 1.5
    diffuse = (0.22 + 0.9 * np.clip(lambert, 0, 1)) * falloff
    halfway, _ = _unit(lamp + np.array((0, 0, 1), np.float32))
    facing = _dot(_normals(wet, grid.pitch), halfway)
    mirrored = 2 * np.clip(facing, 0, 1) ** 120 * falloff
    return diffuse, np.clip(mirrored - 0.9, 0, 1)


def _normals(
    surface: FloatArray, pitch: float
) -> FloatArray:  # shape: (H, W, 3)
    """Unit normals of a height field, towards the camera."""
    slope_y, slope_x = np.gradient(surface, pitch)
    upright = np.ones_like(slope_x)
    return _unit(np.stack([-slope_x, -slope_y, upright], axis=-1))[0]


def _unit(vectors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Vectors scaled to length 1, and their original lengths."""
    length = np.sqrt(_dot(vectors, vectors))
    return vectors / length[..., None], length


def _dot(left: FloatArray, right: FloatArray) -> FloatArray:
    return np.einsum('hwc,hwc->hw', left, right)
