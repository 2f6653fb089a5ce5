# Copyright (c) gps_seg contributors. Apache-2.0.
"""The colon wall and the polyps on it, as light that reaches the camera."""

from __future__ import annotations

import functools

import cv2
import numpy as np

from gps_seg.datasets.synthetic_polyps.domains import Domain
from gps_seg.datasets.synthetic_polyps.lighting import lighting
from gps_seg.datasets.synthetic_polyps.noise import (
    FloatArray,
    fractal_noise,
    smooth_noise,
    veins,
)
from gps_seg.datasets.synthetic_polyps.scene import Scene
from gps_seg.datasets.synthetic_polyps.shapes import Grid, polyp_height


def paint_surface(
    rng: np.random.Generator, scene: Scene, look: Domain, grid: Grid
) -> FloatArray:
    """Light from the surface, linear RGB, shape (H, W, 3)."""
    size = len(grid.x)
    height = functools.reduce(
        np.maximum, (polyp_height(parts, grid) for parts in scene.polyps)
    )
    on_polyp = (height > 0).astype(np.float32)
    relief = fractal_noise(rng, size, look.texture_cells, octaves=4)
    albedo = _albedo(rng, look, on_polyp, relief)
    depth = _wall_shade(rng, scene, grid)
    shade = np.where(on_polyp > 0, 0.35 + 0.65 * depth, depth)
    shade = shade * _shadow(scene, on_polyp, height)
    bumps = height + look.relief * relief
    diffuse, mirrored = lighting(rng, scene, grid, bumps)
    matt = albedo * (shade * diffuse)[..., None]
    # The wall is seen obliquely and reflects less light into the camera.
    gloss = look.gloss * mirrored * shade * (0.45 + 0.55 * on_polyp)
    return look.exposure * (matt + gloss[..., None])


def _albedo(
    rng: np.random.Generator,
    look: Domain,
    on_polyp: FloatArray,
    relief: FloatArray,
) -> FloatArray:
    """Colour of the surface under plain white light, shape (H, W, 3)."""
    size = len(on_polyp)
    tint = rng.normal(1, look.colour_spread, 3)
    mucosa = np.asarray(look.mucosa) * tint
    # Some polyps stand out more than others.
    polyp = _mix(mucosa, np.asarray(look.polyp) * tint, rng.uniform(0.3, 1.1))
    # Inflamed mucosa has the colour of a polyp, but no rim and no height.
    inflamed = np.clip(smooth_noise(rng, size, 3) - 0.4, 0, 0.9)
    wall = _mix(mucosa, polyp, inflamed[..., None])
    residue = fractal_noise(rng, size, 5, 3) - rng.uniform(1.7, 2.8)
    residue = np.clip(9 * residue, 0, 0.9)
    wall = _mix(wall, np.asarray(look.residue), residue[..., None])
    soft_edge = cv2.GaussianBlur(on_polyp, (0, 0), size / 200)[..., None]
    colour = _mix(wall, polyp, soft_edge)
    # Vessels hardly show through a polyp.
    vessels = _vessels(rng, size)[..., None] * (1 - 0.8 * soft_edge)
    colour = _mix(colour, np.asarray(look.vessel), 0.7 * vessels)
    texture = 1 + look.texture * relief[..., None]
    return np.clip(colour * texture, 0.01, 1).astype(np.float32)


def _vessels(rng: np.random.Generator, size: int) -> FloatArray:
    """Large and small vessels that fade in and out, values from 0 to 1."""
    lines = veins(rng, size, 4, 0.006) + 0.6 * veins(rng, size, 8, 0.004)
    return np.clip(lines * np.clip(smooth_noise(rng, size, 3), 0, 1), 0, 1)


def _mix(
    first: FloatArray, second: FloatArray, share: FloatArray | float
) -> FloatArray:
    """``first``, with ``share`` of it replaced by ``second``."""
    return first * (1 - share) + second * share


def _wall_shade(
    rng: np.random.Generator, scene: Scene, grid: Grid
) -> FloatArray:
    """Darkening of the colon wall: ring folds in front of a dark lumen."""
    size = len(grid.x)
    dx, dy = grid.x - scene.lumen[0], grid.y - scene.lumen[1]
    # Haustra give the colon a three-cornered cross-section.
    corners = 0.1 * np.cos(3 * np.arctan2(dy, dx) + rng.uniform(0, 6.3))
    wobble = 0.07 * smooth_noise(rng, size, 4)
    radius = np.hypot(dx, dy) * (1 + corners + wobble)
    rings = rng.uniform(1.6, 2.6) * np.log(radius + 0.2) + rng.uniform(0, 1)
    # Brightest at a fold's crest, darkest just behind the next crest.
    behind_crest = np.mod(rings, 1) ** 2
    behind_crest = cv2.GaussianBlur(behind_crest, (0, 0), size / 90)
    lumen = np.clip((radius - 0.05) / 0.6, 0, 1)
    lumen = lumen**2 * (3 - 2 * lumen)
    return (0.05 + 0.95 * lumen) * (1 - rng.uniform(0.35, 0.7) * behind_crest)


def _shadow(
    scene: Scene, on_polyp: FloatArray, height: FloatArray
) -> FloatArray:
    """Darkening of the wall beside a polyp, away from the lamp."""
    size = len(on_polyp)
    peak = float(height.max())
    rows, columns = np.nonzero(on_polyp)
    away = 2 * np.array([columns.mean(), rows.mean()]) / size - 1
    shift = 0.18 * peak * size * (away - scene.light[:2])
    move = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
    cast = cv2.warpAffine(on_polyp, move, (size, size))
    soft = cv2.GaussianBlur(cast, (0, 0), max(size * peak / 14, 1))
    return 1 - 0.6 * soft * (1 - on_polyp)
