# Copyright (c) gps_seg contributors. Apache-2.0.
"""Colours of all pictures, in one place.

They come from the palette by Okabe and Ito, whose colours people with the
common kinds of colour blindness can distinguish.
"""

#: Lines, bars and points, in the order of use; the first three differ in grey.
PALETTE = ('#0072B2', '#E69F00', '#009E73', '#CC79A7', '#D55E00', '#56B4E9')
#: Parts of a bar; unrelated to the colours above, and different in grey.
STACK = ('#56B4E9', '#F0E442', '#D55E00')
#: Bars to compare with, and a line before it was smoothed.
PLAIN, RAW = '#B8B8B8', '#BBD3E6'
INK = '#333333'
MUTED = '#8A8A8A'
GRID = '#E6E6E6'
#: Cells of a matrix that have no value.
EMPTY = '#F2F2F2'

#: Border of the ground truth; stands out on the pinks and reds of endoscopy.
OUTLINE = '#00E5FF'
#: Errors of a prediction. Correct pixels need no colour: they are the rest of
#: the area inside the outline.
FALSE_POSITIVE = '#F0E442'
FALSE_NEGATIVE = '#0072B2'
#: A prediction without a ground truth.
UNCHECKED = '#56B4E9'


def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of ``#RRGGBB``, 0 to 255.

    Example:
        >>> rgb('#0072B2')
        (0, 114, 178)
    """
    red, green, blue = bytes.fromhex(colour.removeprefix('#'))
    return red, green, blue
