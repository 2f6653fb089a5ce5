# Copyright (c) gps_seg contributors. Apache-2.0.
"""Names beside points, placed so that they overlap as little as possible."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patheffects import withStroke
from matplotlib.transforms import Bbox

from gps_seg.visualization.palette import INK, MUTED

_ANGLES = (0, 180, 45, -45, 135, -135, 90, -90)  # the right is tried first
_DISTANCES = (7, 14, 24, 36, 50, 66, 84)  # points
_LEADER = 14  # distance from which a line leads to the point
_SIZE = 7.5  # of the letters
_DOT = 4  # points around a dot that stay free
_FIRM = 5  # how much worse it is to cover a name or a dot than a line
_FAR = 1.5  # square points of a covered line that a point of distance is worth


def name_points(
    axes: Axes,
    points: Sequence[tuple[float, float]],
    names: Sequence[str],
    lines: Sequence[tuple[tuple[float, float], tuple[float, float]]] = (),
) -> None:
    """Write a name beside each point.

    A name stands near its point, inside the axes, and covers no dot and no
    other name, and as little as possible of the lines. The limits of the axes
    and the layout of the figure must be final.

    Args:
        axes: Axes in which the points are drawn.
        points: Positions in data coordinates.
        names: Name of each point.
        lines: Ends of horizontal and vertical lines, in data coordinates.
    """
    places = _in_points(axes, points)
    page = _Page(
        room=_scaled(axes.get_window_extent(), axes),
        firm=[_box(x, y, _DOT, _DOT) for x, y in places],
        soft=[
            Bbox([ends.min(axis=0) - 1, ends.max(axis=0) + 1])
            for ends in (_in_points(axes, line) for line in lines)
        ],
    )
    # Names of crowded points first: the others have more places.
    for index in sorted(range(len(names)), key=_crowding(places)):
        half = _half_size(axes, names[index])
        offset, distance = _best_place(places[index], half, page)
        page.firm.append(_box(*(places[index] + offset), *half))
        axes.annotate(
            names[index],
            points[index],
            xytext=offset,
            textcoords='offset points',
            ha='center',
            va='center',
            fontsize=_SIZE,
            color=INK,
            arrowprops=_leader(distance),
            path_effects=[withStroke(linewidth=2, foreground='white')],
            zorder=5,
        ).set_in_layout(False)


class _Page(NamedTuple):
    """What names must not leave, not cover, and rather not cover."""

    room: Bbox
    firm: list[Bbox]
    soft: list[Bbox]

    def harm(self, box: Bbox) -> float:
        """How bad it is to write into a box."""
        outside = box.width * box.height - _common(box, self.room)
        firm = outside + sum(_common(box, other) for other in self.firm)
        return _FIRM * firm + sum(_common(box, other) for other in self.soft)


def _in_points(axes: Axes, positions: Sequence[tuple[float, float]]):
    """Data coordinates in typographic points, shape (num_positions, 2)."""
    pixels = axes.transData.transform(np.array(positions, dtype=float))
    return pixels * 72 / axes.figure.dpi


def _scaled(box: Bbox, axes: Axes) -> Bbox:
    return Bbox(box.get_points() * 72 / axes.figure.dpi)


def _half_size(axes: Axes, name: str) -> tuple[float, float]:
    """Half the width and height of a name, in points."""
    text = axes.text(0, 0, name, fontsize=_SIZE)
    renderer = FigureCanvasAgg(axes.figure).get_renderer()
    box = _scaled(text.get_window_extent(renderer), axes)
    text.remove()
    return box.width / 2, box.height / 2


def _crowding(places: np.ndarray) -> Callable[[int], float]:
    """Key by which points with near neighbours come first."""
    gaps = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
    return np.sort(gaps, axis=1)[:, 1:4].sum(axis=1).__getitem__


def _best_place(
    place: np.ndarray, half: tuple[float, float], page: _Page
) -> tuple[tuple[float, float], float]:
    """Offset of the middle of a name, and its distance from the point."""

    def offset(distance: float, angle: float) -> tuple[float, float]:
        turn = math.radians(angle)
        return (
            math.cos(turn) * (distance + half[0]),
            math.sin(turn) * (distance + half[1]),
        )

    def harm(choice: tuple[float, float]) -> float:
        box = _box(*(place + offset(*choice)), *half)
        return page.harm(box) + _FAR * choice[0]

    best = min(product(_DISTANCES, _ANGLES), key=harm)
    return offset(*best), best[0]


def _box(x: float, y: float, half_width: float, half_height: float) -> Bbox:
    return Bbox.from_extents(
        x - half_width, y - half_height, x + half_width, y + half_height
    )


def _common(one: Bbox, other: Bbox) -> float:
    """Area that two boxes share."""
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    return max(width, 0) * max(height, 0)


def _leader(distance: float) -> dict | None:
    if distance < _LEADER:
        return None
    return {'arrowstyle': '-', 'color': MUTED, 'lw': 0.6, 'shrinkB': 3}
