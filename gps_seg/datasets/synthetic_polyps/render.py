# Copyright (c) gps_seg contributors. Apache-2.0.
"""Render an endoscopic image and its exact mask from random numbers.

The image is drawn on a grid of twice the size, in this order: the wall of the
colon (folds around a dark lumen, texture, vessels), the polyps (shaded by the
normals of their surface), the light of the endoscope and its reflections, and
finally the camera (blur, noise, black corners).
"""

from __future__ import annotations

import cv2
import numpy as np

from gps_seg.datasets.synthetic_polyps.domains import DOMAINS, Domain
from gps_seg.datasets.synthetic_polyps.noise import FloatArray
from gps_seg.datasets.synthetic_polyps.scene import (
    Scene,
    Uint8Array,
    draw_scene,
    field_of_view,
    polyp_mask,
)
from gps_seg.datasets.synthetic_polyps.shapes import Grid
from gps_seg.datasets.synthetic_polyps.surface import paint_surface

OVERSAMPLING = 2
MIN_SIZE = 32


def render_polyp_image(
    rng: np.random.Generator,
    domain: str,
    size: int,
) -> tuple[Uint8Array, Uint8Array]:  # (size, size, 3) and (size, size)
    """A polyp-like image and its mask, a pure function of its arguments.

    Args:
        rng: Random number generator, as from :func:`image_rng`.
        domain: Key of ``DOMAINS``.
        size: Pixels along each side, at least 32.

    Returns:
        The image, RGB, and the mask: 1 where the polyp's height is positive
        and the endoscope's field of view is open, 0 elsewhere.

    Raises:
        ValueError: If ``domain`` is unknown or ``size`` too small.

    Example:
        >>> rng = image_rng(seed=0, domain='source', index=0)
        >>> image, mask = render_polyp_image(rng, 'source', size=32)
        >>> image.shape, mask.shape
        ((32, 32, 3), (32, 32))
    """
    look = _look(domain)
    if size < MIN_SIZE:
        raise ValueError(
            f'size: expected at least {MIN_SIZE} pixels, got {size}. '
            'Ask for larger images.'
        )
    scene = draw_scene(rng)
    fine = Grid.square(size * OVERSAMPLING)
    colour = paint_surface(rng, scene, look, fine)
    image = _camera(rng, colour, scene, look, size)
    return image, polyp_mask(scene, Grid.square(size))


def image_rng(seed: int, domain: str, index: int) -> np.random.Generator:
    """Random number generator of one image of a domain.

    Each image has its own, so images can be drawn alone and in any order.

    Args:
        seed: Seed of all images.
        domain: Key of ``DOMAINS``.
        index: Number of the image.

    Raises:
        ValueError: If ``domain`` is unknown.

    Example:
        >>> first, again = (image_rng(0, 'dye', 7).random() for _ in range(2))
        >>> first == again
        True
    """
    return np.random.default_rng([seed, _look(domain).stream, index])


def _look(domain: str) -> Domain:
    if domain not in DOMAINS:
        raise ValueError(
            f'domain: expected one of {sorted(DOMAINS)}, got {domain!r}. '
            'Choose one of these.'
        )
    return DOMAINS[domain]


def _camera(
    rng: np.random.Generator,
    colour: FloatArray,
    scene: Scene,
    look: Domain,
    size: int,
) -> Uint8Array:
    """Blur, sampling to ``size``, gamma, noise and the black corners."""
    fine = len(colour)
    blurred = cv2.GaussianBlur(colour, (0, 0), max(look.blur * fine, 0.1))
    sampled = cv2.resize(blurred, (size, size), interpolation=cv2.INTER_AREA)
    grid = Grid.square(size)
    sampled *= (1 - 0.25 * (grid.x**2 + grid.y**2) / 2)[..., None]
    levels = 255 * np.clip(sampled, 0, 1) ** (1 / 1.6)
    levels += rng.normal(0, look.noise, levels.shape)
    levels *= (field_of_view(scene, grid) > 0)[..., None]
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)
