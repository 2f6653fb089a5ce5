# Copyright (c) gps_seg contributors. Apache-2.0.
"""The look of each domain: everything that differs between hospitals.

The anatomy (folds, vessels, polyps) is drawn in the same way in every domain.
A domain sets the colours under its light and the camera that records them.
"""

from __future__ import annotations

from dataclasses import dataclass

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Domain:
    """Appearance of a domain. Colours are linear RGB from 0 to 1.

    Attributes:
        stream: Number mixed into the seed, so that no two domains share
            scenes.
        mucosa: Colour of the colon wall.
        polyp: Colour of a polyp.
        vessel: Colour of the blood vessels.
        residue: Colour of food residue on the wall.
        colour_spread: Standard deviation between images, relative to the
            colours above.
        texture_cells: Bumps across the image in the coarsest texture.
        texture: Strength of that texture in the colour.
        relief: Strength of that texture in the height of the surface.
        gloss: Share of the light that wet spots reflect.
        exposure: Factor on the light.
        blur: Standard deviation of the camera's blur, relative to the side of
            the image.
        noise: Standard deviation of the camera's noise, in grey levels of
            255.

    Example:
        >>> sorted(DOMAINS)
        ['dye', 'source', 'target']
        >>> DOMAINS['target'].noise > DOMAINS['source'].noise
        True
    """

    stream: int
    mucosa: Colour
    polyp: Colour
    vessel: Colour
    residue: Colour
    colour_spread: float
    texture_cells: int
    texture: float
    relief: float
    gloss: float
    exposure: float
    blur: float
    noise: float


# source: white light, a good camera. target: narrow-band light (green and blue
# only), in which the mucosa is pale and a polyp no longer red, and an older
# camera. dye: chromoendoscopy; the mucosa is pale and bluish, and a violet dye
# has stained the polyps.
DOMAINS: dict[str, Domain] = {
    'source': Domain(
        stream=1,
        mucosa=(0.74, 0.36, 0.27),
        polyp=(0.72, 0.22, 0.17),
        vessel=(0.50, 0.09, 0.09),
        residue=(0.72, 0.55, 0.20),
        colour_spread=0.05,
        texture_cells=6,
        texture=0.07,
        relief=0.009,
        gloss=0.9,
        exposure=1.0,
        blur=0.003,
        noise=3.0,
    ),
    'target': Domain(
        stream=2,
        mucosa=(0.26, 0.42, 0.36),
        polyp=(0.38, 0.42, 0.28),
        vessel=(0.17, 0.17, 0.10),
        residue=(0.44, 0.30, 0.22),
        colour_spread=0.05,
        texture_cells=12,
        texture=0.1,
        relief=0.0135,
        gloss=0.5,
        exposure=0.9,
        blur=0.007,
        noise=8.0,
    ),
    'dye': Domain(
        stream=3,
        mucosa=(0.40, 0.50, 0.66),
        polyp=(0.26, 0.26, 0.62),
        vessel=(0.22, 0.22, 0.46),
        residue=(0.50, 0.46, 0.28),
        colour_spread=0.05,
        texture_cells=9,
        texture=0.12,
        relief=0.012,
        gloss=0.8,
        exposure=0.95,
        blur=0.005,
        noise=5.0,
    ),
}
