# Copyright (c) gps_seg contributors. Apache-2.0.
"""Curves over the axes, from the measured points.

A point that could not be measured leaves its curve shorter.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from gps_seg.benchmark.growth.fits import Fit, crossing, fit_power
from gps_seg.benchmark.growth.hosts import VITS, tokens_of
from gps_seg.benchmark.growth.measuring import Results
from gps_seg.benchmark.growth.points import (
    COMMON,
    COMPARED,
    SELECT,
    Axes,
    Host,
    Point,
    at_depth,
)

#: Quantity of a training step -> its value in a result.
QUANTITIES: dict[str, Callable[[dict[str, Any]], float | None]] = {
    'seconds': lambda result: min(result['seconds']),
    'saved': lambda result: result['saved'],
    'peak': lambda result: result['peak'],
}


@dataclass(frozen=True)
class Curve:
    """A cost along an axis.

    Args:
        axis: ``'tokens'``, ``'width'``, ``'parameters'`` or ``'images'``.
        quantity: Name of the measured quantity: seconds, or bytes.
        row: Name of the method or of the part of the selection.
        x: Places on the axis.
        y: Values there.
        fit: Power law through them; None if there are too few.
    """

    axis: str
    quantity: str
    row: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    fit: Fit | None


def curves_of(axes: Axes, results: Results) -> list[Curve]:
    """All curves with at least one point."""
    tokens = [(tokens_of(host.size), host) for host in axes.at_sizes()]
    widths = [(VITS[host.name].width, host) for host in axes.at_widths()]
    found = [
        _curve(
            axis,
            quantity,
            row,
            _per_block(places, row, quantity, axes, results),
        )
        for axis, places in (('tokens', tokens), ('width', widths))
        for quantity in QUANTITIES
        for row in COMMON
    ]
    found += _selection_curves(axes, results)
    return [curve for curve in found if curve.x]


def _curve(
    axis: str, quantity: str, row: str, points: Iterable[tuple[float, float]]
) -> Curve:
    points = tuple(points)
    x, y = tuple(a for a, _ in points), tuple(b for _, b in points)
    return Curve(axis, quantity, row, x, y, fit_power(x, y))


def _per_block(
    places: Sequence[tuple[int, Host]],
    row: str,
    quantity: str,
    axes: Axes,
    results: Results,
) -> list[tuple[float, float]]:
    parts = (
        (x, parts_of(host, row, quantity, axes, results)) for x, host in places
    )
    return [(x, part[1]) for x, part in parts if part is not None]


def parts_of(
    host: Host, row: str, quantity: str, axes: Axes, results: Results
) -> tuple[float, float] | None:
    """The fixed cost of a ViT, and the cost of one block.

    Args:
        host: ViT at any depth.
        row: Key of :data:`~gps_seg.benchmark.growth.points.ROWS`.
        quantity: Key of :data:`QUANTITIES`.
        axes: Axes, with the two depths.
        results: Measured points.

    Returns:
        Both parts; None if a point is missing.
    """
    values = [
        value_of(at_depth(host, depth), row, quantity, results)
        for depth in axes.depths
    ]
    if values[0] is None or values[1] is None:
        return None
    low, high = axes.depths
    block = (values[1] - values[0]) / (high - low)
    return values[0] - low * block, block


def value_of(
    host: Host, row: str, quantity: str, results: Results, k: int = 1
) -> float | None:
    """A measured value; None if it is missing."""
    point = Point(host, row, k if row == 'gps' else None)
    result = results.get(point.key)
    return None if result is None else QUANTITIES[quantity](result)


def _selection_curves(axes: Axes, results: Results) -> list[Curve]:
    """Seconds of the pass and of one selection, at the larger depth."""
    hosts = [at_depth(host, axes.depths[1]) for host in axes.at_widths()]
    found = [
        results[key]
        for host in hosts
        if (key := Point(host, SELECT).key) in results
    ]
    of_pass, of_selection = [], []
    for result in found:
        images, seconds = result['passes'][-1]
        of_pass.append((result['parameters'], seconds / images))
        seconds = result['selections'][0]['seconds']
        of_selection.append((result['parameters'], seconds))
    many = results.get(Point(axes.many_images, SELECT).key, {'passes': []})
    return [
        _curve('parameters', 'seconds', 'pass per image', of_pass),
        _curve('parameters', 'seconds', 'selection', of_selection),
        _curve('images', 'seconds', 'pass', many['passes']),
    ]


@dataclass(frozen=True)
class Steps:
    """The step of one host over k.

    Args:
        host: Key of the host.
        seconds: Seconds of a step of each row that does not depend on k.
        ks: Connections per neuron.
        gps: Seconds of a step of GPS at each of them.
        shares: Mean share of the columns that hold a selected entry, at each.
        reaches: The k at which GPS costs as much as each of these rows; None
            if it never does.
    """

    host: str
    seconds: dict[str, float]
    ks: tuple[int, ...]
    gps: tuple[float, ...]
    shares: tuple[float, ...]
    reaches: dict[str, float | None]


def steps_of(axes: Axes, results: Results) -> list[Steps]:
    """The axis of k, for each host that was measured."""
    found = (_steps_of(host, results) for host in axes.hosts)
    return [steps for steps in found if steps.ks]


def _steps_of(host: Host, results: Results) -> Steps:
    at_k = [
        (fact['k'], seconds, fact['column_share'])
        for fact in selections_of(host, results)
        if (seconds := value_of(host, 'gps', 'seconds', results, fact['k']))
    ]
    ks, gps, shares = zip(*at_k, strict=True) if at_k else ((), (), ())
    others = {
        row: seconds
        for row in COMPARED
        if (seconds := value_of(host, row, 'seconds', results))
    }
    reaches = {
        row: crossing(ks, gps, seconds)
        for row, seconds in others.items()
        if ks and row != 'bias'
    }
    return Steps(host.key, others, ks, gps, shares, reaches)


def selections_of(host: Host, results: Results) -> list[dict[str, Any]]:
    """Facts about the selections of a host, one for each k."""
    result = results.get(Point(host, SELECT).key)
    return [] if result is None else result['selections']
