# Copyright (c) gps_seg contributors. Apache-2.0.
"""A picture of how costs grow: tokens, width, then k and the selection."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes as Panel
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from gps_seg.benchmark.growth.curves import Curve, Steps
from gps_seg.benchmark.growth.points import Axes
from gps_seg.benchmark.results import MIB
from gps_seg.visualization.figure import (
    add_legend,
    new_figure,
    save_figure,
    style_axes,
)
from gps_seg.visualization.palette import INK, MUTED, PALETTE

#: Row -> name, colour and marker.
_ROWS: Mapping[str, tuple[str, str, str]] = {
    'full': ('full', PALETTE[4], 's'),
    'lora': ('LoRA r=8, all maps', PALETTE[1], 'D'),
    'bias': ('bias', PALETTE[2], '^'),
    'gps': ('GPS k=1', PALETTE[0], 'o'),
}
_MILLI = 1e-3
#: Quantity -> title, unit of the axis, and its size.
_PER_BLOCK: Mapping[str, tuple[str, str, float]] = {
    'seconds': ('step time per block', 'ms', _MILLI),
    'saved': ('saved for backward per block', 'MiB', MIB),
    'peak': ('peak memory per block', 'MiB', MIB),
}
_UNDER_THE_TITLE: Mapping[str, Any] = dict(
    loc='lower left',
    bbox_to_anchor=(-0.02, 1.0),
    borderpad=0,
    frameon=False,
    fontsize=7.5,
    handlelength=1,
    columnspacing=0.8,
    handletextpad=0.4,
    ncols=5,
)


def plot_growth(
    axes: Axes,
    curves: Sequence[Curve],
    steps: Sequence[Steps],
    out: str | os.PathLike[str],
    title: str,
) -> Path:
    """Draw all curves, with the slope of each under its panel's title.

    Args:
        axes: Measured axes.
        curves: Curves over tokens, width, weights and images.
        steps: Steps of each host over k.
        out: Name of the picture (.png, .svg or .pdf).
        title: Title above the picture.

    Returns:
        The path written.

    Raises:
        ValueError: If the name has another ending.

    Example::

        plot_growth(axes, curves, steps, 'growth.png', 'float32, one thread')
    """
    figure = new_figure(11.5, 11.5)
    figure.suptitle(title, x=0.01, ha='left', fontsize=10, color=INK)
    panels = figure.subplots(3, 3)
    labels = {
        'tokens': f'tokens ({axes.narrow})',
        'width': f'width ({axes.size} x {axes.size} pixels)',
    }
    for (axis, label), row in zip(labels.items(), panels, strict=False):
        for quantity, panel in zip(_PER_BLOCK, row, strict=True):
            _draw_per_block(panel, axis, quantity, curves)
            _label(panel, label)
    over_k, of_weights, of_images = panels[2]
    _draw_over_k(over_k, steps)
    _label(over_k, 'k, connections per neuron')
    _draw_selection(of_weights, 'parameters', 'time of the selection', curves)
    _label(of_weights, f'weights that are scored ({axes.depths[1]} blocks)')
    _draw_selection(of_images, 'images', 'pass over a data set', curves)
    one = axes.many_images
    _label(of_images, f'images ({one.name}, {one.size} px)')
    add_legend(figure, _handles())
    return save_figure(figure, out)


def _draw_per_block(
    axes: Panel, axis: str, quantity: str, curves: Sequence[Curve]
) -> None:
    what, unit, size = _PER_BLOCK[quantity]
    drawn = [c for c in curves if (c.axis, c.quantity) == (axis, quantity)]
    for curve in drawn:
        _, colour, marker = _ROWS[curve.row]
        _draw_curve(axes, curve, size, colour, marker)
    slopes = [
        f'{_ROWS[curve.row][0].partition(" ")[0]} {curve.fit.slope:.2f}'
        for curve in drawn
        if curve.fit is not None
    ]
    below = f'slope: {", ".join(slopes)}' if slopes else ''
    _finish(axes, f'{what} ({unit})', below)
    _tick_at(axes, sorted({x for curve in drawn for x in curve.x}))


def _draw_selection(
    axes: Panel, axis: str, what: str, curves: Sequence[Curve]
) -> None:
    drawn = [c for c in curves if c.axis == axis]
    for curve, colour, marker in zip(drawn, PALETTE, 'os', strict=False):
        label = curve.row
        if curve.fit is not None:
            label += f', slope {curve.fit.slope:.2f}'
        _draw_curve(axes, curve, 1.0, colour, marker, label)
    _finish(axes, f'{what} (s)', '')
    _tick_at(axes, sorted({x for curve in drawn for x in curve.x}))
    _name_lines(axes)


def _draw_curve(
    axes: Panel,
    curve: Curve,
    size: float,
    colour: str,
    marker: str,
    label: str = '',
) -> None:
    """Points, and the fitted line behind them."""
    # A cost per block is a difference of two measurements. Where noise makes
    # it zero or less, it has no place on a logarithmic axis.
    points = [
        (x, y / size) for x, y in zip(curve.x, curve.y, strict=True) if y > 0
    ]
    if not points:
        return
    axes.plot(
        *zip(*points, strict=True), marker, ms=5, color=colour, mec='white',
        zorder=3, label=label,
    )  # fmt: skip
    if curve.fit is not None:
        ends = min(curve.x), max(curve.x)
        line = [curve.fit.at(x) / size for x in ends]
        axes.plot(ends, line, color=colour, lw=1.2)


def _finish(axes: Panel, title: str, below: str) -> None:
    """Scales, and the title with a line below it."""
    style_axes(axes, f'{title}\n')
    axes.set_xscale('log')
    axes.set_yscale('log')
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f'{y:,g}'))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.annotate(
        below,
        (0, 1),
        xycoords='axes fraction',
        xytext=(0, 6),
        textcoords='offset points',
        fontsize=8,
        color=INK,
    )


def _label(panel: Panel, text: str) -> None:
    panel.set_xlabel(text, fontsize=8, color=INK)


def _tick_at(axes: Panel, places: Sequence[float]) -> None:
    """Ticks at the measured places only."""
    axes.set_xticks(places, [_short(place) for place in places])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis='x', which='minor', length=0)


def _short(number: float) -> str:
    """A number, in millions from ten thousand on."""
    if number < 10_000:
        return f'{number:,.0f}'
    return f'{number / 1e6:.3g} M'


def _draw_over_k(axes: Panel, steps: Sequence[Steps]) -> None:
    """Step of GPS over that of LoRA on all maps, for each host."""
    style_axes(axes, 'step time of GPS / LoRA r=8 on all maps\n')
    axes.axhline(1, color=MUTED, lw=1)
    places: set[float] = set()
    drawn = [one for one in steps if 'lora' in one.seconds]
    for one, colour, marker in zip(drawn, PALETTE, 'osD^vP', strict=False):
        ratios = [seconds / one.seconds['lora'] for seconds in one.gps]
        axes.plot(
            one.ks, ratios, f'-{marker}', ms=5, lw=1.2, color=colour,
            mec='white', label=one.host.partition('_')[0],
        )  # fmt: skip
        places |= set(one.ks)
    axes.set_xscale('log')
    _tick_at(axes, sorted(places - {48} if 50 in places else places))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f'{y:.2f}'))
    _name_lines(axes)


def _name_lines(axes: Panel) -> None:
    """A legend of its own in the place of the line below the title."""
    if axes.get_legend_handles_labels()[0]:
        # Outside of the layout, a long one does not move other panels.
        axes.legend(**_UNDER_THE_TITLE).set_in_layout(False)


def _handles() -> list[Line2D]:
    return [
        Line2D([], [], color=colour, marker=marker, ms=5, label=name)
        for name, colour, marker in _ROWS.values()
    ]
