# Copyright (c) gps_seg contributors. Apache-2.0.
"""An image, its truth and its prediction as one strip of pixels.

It shows the same as :mod:`gps_seg.visualization.images.overlays`, but without
Matplotlib: a figure for every image of a test would take longer than the
model.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np
from matplotlib.font_manager import findfont
from matplotlib.patches import Patch
from PIL import Image, ImageDraw, ImageFont

from gps_seg.visualization.images import panels
from gps_seg.visualization.images.class_colours import ClassColours
from gps_seg.visualization.images.errors import paint
from gps_seg.visualization.images.label_maps import is_foreground
from gps_seg.visualization.images.overlays import Overlay
from gps_seg.visualization.palette import INK, OUTLINE, rgb

_SIDES = (320, 800)  # pixels of the longer side of a panel
_GAP, _LINE, _LETTER = 8, 24, 15  # pixels


def draw_strip(
    row: Overlay, classes: ClassColours | None = None
) -> np.ndarray:  # shape: (height, width, 3), RGB, uint8
    """Draw the image, its ground truth if there is one, and the prediction.

    Args:
        row: Image with its label maps.
        classes: Names and colours of the classes. Without them class 0 is the
            background, and colours show the errors.

    Example:
        >>> image = np.zeros((400, 500, 3), np.uint8)
        >>> labels = np.zeros((400, 500), np.uint8)
        >>> draw_strip(Overlay(image, labels, labels, '')).shape
        (424, 1516, 3)
    """
    drawn = {'image': _scaled(row.image)}
    if row.truth is not None:
        drawn[panels.TRUTH] = _truth(row, classes)
    drawn['prediction'] = _prediction(row, classes)
    height, width = drawn['image'].shape[:2]
    handles = panels.legend_handles([(row.prediction, row.truth)], classes)
    total = len(drawn) * (width + _GAP) - _GAP
    lines = _legend_lines(handles, total)
    page = np.full(
        (_LINE + height + _LINE * len(lines), total, 3), 255, np.uint8
    )
    starts = [index * (width + _GAP) for index in range(len(drawn))]
    for start, panel in zip(starts, drawn.values(), strict=True):
        page[_LINE : _LINE + height, start : start + width] = panel
    return _write(page, list(drawn), starts, lines)


def _truth(row: Overlay, classes: ClassColours | None) -> np.ndarray:
    if classes is not None:
        return _scaled(classes.paint(row.image, row.truth))
    return _outlined(_scaled(row.image), row.truth, width=2)


def _prediction(row: Overlay, classes: ClassColours | None) -> np.ndarray:
    if classes is not None:
        return _scaled(classes.paint(row.image, row.prediction))
    painted = _scaled(paint(row.image, row.prediction, row.truth))
    if row.truth is None:
        return painted
    return _outlined(painted, row.truth, width=1)


def _scaled(image: np.ndarray) -> np.ndarray:
    """Resize an image so that its longer side is within limits."""
    longer = max(image.shape[:2])
    low, high = _SIDES
    factor = min(max(longer, low), high) / longer
    if factor == 1:
        return image
    kind = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return cv2.resize(image, None, fx=factor, fy=factor, interpolation=kind)


def _outlined(panel: np.ndarray, truth: np.ndarray, width: int) -> np.ndarray:
    """A copy of the panel with the outline of the object."""
    height, num_columns = panel.shape[:2]
    inside = cv2.resize(
        is_foreground(truth).astype(np.uint8),
        (num_columns, height),
        interpolation=cv2.INTER_NEAREST,
    )
    # The padding prevents an outline along the edge of the panel.
    found, _ = cv2.findContours(
        cv2.copyMakeBorder(inside, 1, 1, 1, 1, cv2.BORDER_REPLICATE),
        cv2.RETR_LIST,
        cv2.CHAIN_APPROX_NONE,
        offset=(-1, -1),
    )
    copy = np.ascontiguousarray(panel).copy()
    return cv2.drawContours(copy, found, -1, rgb(OUTLINE), width, cv2.LINE_AA)


def _legend_lines(handles: Sequence[Patch], width: int) -> list[list[Patch]]:
    """Arrange legend entries in lines that fit the width of the page."""
    lines: list[list[Patch]] = []
    room = 0.0
    for handle in handles:
        needed = _entry_width(handle)
        if needed > room:
            lines.append([])
            room = width
        lines[-1].append(handle)
        room -= needed
    return lines


def _entry_width(handle: Patch) -> float:
    return _font().getlength(str(handle.get_label())) + 2.5 * _LINE


def _write(
    page: np.ndarray,
    names: Sequence[str],
    starts: Sequence[int],
    lines: Sequence[Sequence[Patch]],
) -> np.ndarray:
    """Write the names of the panels and the legend on the page."""
    picture = Image.fromarray(page)
    pen = ImageDraw.Draw(picture)
    for name, start in zip(names, starts, strict=True):
        pen.text((start, _LINE / 2), name, INK, _font(), anchor='lm')
    top = page.shape[0] - _LINE * len(lines)
    for number, line in enumerate(lines):
        x, middle = 0.0, top + _LINE * (number + 0.5)
        for handle in line:
            box = (x, middle - 5, x + _LINE, middle + 5)
            pen.rectangle(box, _fill(handle), _colour(handle.get_edgecolor()))
            at = (x + 1.3 * _LINE, middle)
            pen.text(at, str(handle.get_label()), INK, _font(), anchor='lm')
            x += _entry_width(handle)
    return np.asarray(picture)


def _fill(handle: Patch) -> tuple[int, ...] | None:
    colour = handle.get_facecolor()
    return _colour(colour) if colour[3] else None


def _colour(colour: Sequence[float]) -> tuple[int, ...]:
    """Red, green and blue, 0 to 255, of a Matplotlib colour."""
    return tuple(round(255 * value) for value in colour[:3])


@cache
def _font() -> ImageFont.FreeTypeFont:
    """The font of the figures."""
    return ImageFont.truetype(findfont('DejaVu Sans'), _LETTER)
