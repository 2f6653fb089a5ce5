# Copyright (c) gps_seg contributors. Apache-2.0.
"""Colours to draw classes in, where the masks have none."""

import colorsys
from itertools import count, islice

Colour = tuple[int, int, int]

#: Colours of the background and of an only object, as in our polyp data sets.
BACKGROUND: Colour = (120, 120, 120)
OBJECT: Colour = (6, 230, 230)
_TURN = 0.618034  # golden section: neighbours differ, and none repeats


def default_palette(number: int, background: bool) -> tuple[Colour, ...]:
    """One colour for each class.

    Args:
        number: Number of classes.
        background: Whether class 0 is the background, which is grey.

    Example:
        >>> default_palette(2, background=True)
        ((120, 120, 120), (6, 230, 230))
    """
    if background and number == 2:
        return BACKGROUND, OBJECT
    first = (BACKGROUND,) if background else ()
    return first + tuple(map(_bright, islice(count(), number - len(first))))


def _bright(index: int) -> Colour:
    saturation, value = ((0.9, 1.0), (0.6, 1.0), (0.95, 0.75))[index % 3]
    rgb = colorsys.hsv_to_rgb(index * _TURN % 1, saturation, value)
    red, green, blue = (round(255 * channel) for channel in rgb)
    return red, green, blue
