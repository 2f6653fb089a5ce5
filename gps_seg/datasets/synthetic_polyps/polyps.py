# Copyright (c) gps_seg contributors. Apache-2.0.
"""Random polyps of the kinds that endoscopists distinguish.

The kinds roughly follow the Paris classification of superficial lesions:
sessile (Is), pedunculated (Ip) and flat (IIa), and a lobed mass.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gps_seg.datasets.synthetic_polyps.shapes import (
    OUTLINE_HARMONICS,
    Bump,
    Part,
    Stalk,
)

Point = tuple[float, float]


def draw_polyps(rng: np.random.Generator) -> list[tuple[Part, ...]]:
    """One polyp, or two whose centres are apart.

    Args:
        rng: Random number generator.

    Returns:
        The parts of each polyp.
    """
    if rng.random() < 0.8:
        return [_draw_polyp(rng, _polar(rng.uniform(0, 0.5), rng), 1.0)]
    direction = rng.uniform(0, 2 * np.pi)
    near = _at(0.45, direction)
    far = _at(0.5, direction + np.pi + rng.uniform(-0.5, 0.5))
    return [_draw_polyp(rng, near, 0.7), _draw_polyp(rng, far, 0.6)]


def _draw_polyp(
    rng: np.random.Generator, centre: Point, scale: float
) -> tuple[Part, ...]:
    kind = KINDS[rng.integers(len(KINDS))]
    return kind(rng, centre, scale * rng.uniform(0.28, 0.48))


def _sessile(
    rng: np.random.Generator, centre: Point, radius: float
) -> tuple[Part, ...]:
    """A dome that sits on the wall."""
    return (_bump(rng, centre, radius, peak=0.8, steepness=0.6),)


def _flat(
    rng: np.random.Generator, centre: Point, radius: float
) -> tuple[Part, ...]:
    """A low plateau with an irregular rim."""
    return (
        _bump(rng, centre, radius, peak=0.28, steepness=0.4, waviness=0.1),
    )


def _lobed(
    rng: np.random.Generator, centre: Point, radius: float
) -> tuple[Part, ...]:
    """Several domes grown together."""
    turn = rng.uniform(0, 2 * np.pi)
    number = int(rng.integers(3, 6))
    lobes = [_bump(rng, centre, 0.85 * radius, peak=0.8, steepness=0.55)]
    for index in range(number):
        step = _at(0.55 * radius, turn + 2 * np.pi * index / number)
        lobe = (centre[0] + step[0], centre[1] + step[1])
        size = radius * rng.uniform(0.4, 0.65)
        lobes.append(_bump(rng, lobe, size, peak=1.0, steepness=0.5))
    return tuple(lobes)


def _pedunculated(
    rng: np.random.Generator, centre: Point, radius: float
) -> tuple[Part, ...]:
    """A round head on a stalk."""
    radius = 0.75 * radius
    step = _polar(radius * rng.uniform(1.6, 2.1), rng)
    foot = (centre[0] + step[0], centre[1] + step[1])
    stalk = Stalk(foot, centre, radius * rng.uniform(0.32, 0.45))
    return stalk, _bump(rng, centre, radius, peak=1.0, steepness=0.5)


def _bump(
    rng: np.random.Generator,
    centre: Point,
    radius: float,
    *,
    peak: float,
    steepness: float,
    waviness: float = 0.05,
) -> Bump:
    """A bump whose ``peak`` is given in units of its radius."""
    stretch = rng.uniform(1.0, 1.45) ** 0.5
    waves = tuple(
        complex(*_polar(waviness * rng.uniform(0, 1), rng))
        for _ in OUTLINE_HARMONICS
    )
    return Bump(
        centre=centre,
        radii=(radius * stretch, radius / stretch),
        angle=rng.uniform(0, np.pi),
        waves=waves,
        peak=peak * radius,
        steepness=steepness,
    )


def _polar(distance: float, rng: np.random.Generator) -> Point:
    return _at(distance, rng.uniform(0, 2 * np.pi))


def _at(distance: float, angle: float) -> Point:
    return float(distance * np.cos(angle)), float(distance * np.sin(angle))


KINDS: tuple[
    Callable[[np.random.Generator, Point, float], tuple[Part, ...]], ...
] = (_sessile, _flat, _lobed, _pedunculated)
