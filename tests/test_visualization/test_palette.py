"""Colours that differ for every reader, and in print."""

import itertools

import pytest

from gps_seg.visualization.palette import (
    FALSE_NEGATIVE,
    FALSE_POSITIVE,
    PALETTE,
    STACK,
    rgb,
)


def lightness(colour):
    """L* of CIELAB, from 0 to 100."""
    channels = [value / 255 for value in rgb(colour)]
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in channels
    ]
    weights = (0.2126, 0.7152, 0.0722)
    y = sum(w * v for w, v in zip(weights, linear, strict=True))
    return 116 * y ** (1 / 3) - 16


@pytest.mark.parametrize(
    'colours',
    [PALETTE[:3], STACK, (FALSE_POSITIVE, FALSE_NEGATIVE)],
)
def test_what_stands_together_differs_in_grey(colours):
    for one, other in itertools.combinations(colours, 2):
        assert abs(lightness(one) - lightness(other)) > 10


def test_no_colour_comes_twice():
    assert len(set(PALETTE)) == len(PALETTE) == 6
