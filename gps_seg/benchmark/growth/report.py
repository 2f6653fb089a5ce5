# Copyright (c) gps_seg contributors. Apache-2.0.
"""The costs as text: slopes, where GPS stops paying, checks, the outlook."""

from collections.abc import Mapping, Sequence

from gps_seg.benchmark.growth.curves import Curve, Steps
from gps_seg.benchmark.growth.outlook import (
    CARDS,
    GIB,
    TERA,
    USABLE,
    Model,
    Need,
    needs_of,
    vit_g,
)
from gps_seg.benchmark.growth.results import Growth
from gps_seg.benchmark.results import MIB
from gps_seg.text.table import aligned

MILLION = 1_000_000

#: Heading of the outlook.
_NEEDS = (
    'computed',
    'weights',
    'gradients',
    'moments',
    'saved',
    'GiB',
    'card',
    *(f'batch on {card}' for card in CARDS),
    'TFLOP',
    'hours',
)


def format_growth(growth: Growth, rate: float) -> str:
    """All of it as text.

    Args:
        growth: Measured growth.
        rate: Rate that the outlook assumes, in 1e12 operations per second.

    Example:
        >>> from gps_seg.benchmark.growth import default_axes, growth_of
        >>> nothing = growth_of(default_axes(None), {})
        >>> 'ViT-g/14' in format_growth(nothing, rate=200.0)
        True
    """
    model = vit_g()
    parts = [
        format_slopes(growth.curves),
        format_steps(growth.steps),
        format_checks('Saved bytes, formula / counted', growth.formula),
        format_checks('Whole ViT, by two depths / measured', growth.depths),
        format_checks('Achieved rate of a block, TFLOP/s', growth.rates),
        format_outlook(model, needs_of(model), rate),
        format_by_slopes(model, growth.by_slopes),
    ]
    return '\n\n'.join(filter(None, parts))


def format_slopes(curves: Sequence[Curve]) -> str:
    """A table of the fitted power laws, and their ranges."""
    rows: list[Sequence[str]] = [
        ('axis', 'cost', 'row', 'slope', 'off the line', 'from', 'to')
    ]
    for curve in curves:
        if curve.fit is not None:
            fit = curve.fit
            rows.append(
                (
                    curve.axis,
                    curve.quantity,
                    curve.row,
                    f'{fit.slope:.2f}',
                    f'{100 * (fit.deviation - 1):.0f} %',
                    f'{min(curve.x):,.0f}',
                    f'{max(curve.x):,.0f}',
                )
            )
    return f'Measured: cost ~ axis^slope\n{aligned(rows)}'


def format_steps(steps: Sequence[Steps]) -> str:
    """The k at which a step of GPS costs as much as other methods' steps."""
    lines = ['Measured: the k at which a step of GPS costs that of']
    for one in steps:
        reached = ', '.join(
            f'{row}: {_reached(k, one.ks)}' for row, k in one.reaches.items()
        )
        lines.append(f'{one.host}: {reached}')
    return '\n'.join(lines)


def _reached(k: float | None, ks: Sequence[int]) -> str:
    if k is None:
        return f'never up to {ks[-1]}'
    return f'k={ks[0]} or less' if k <= ks[0] else f'k={k:.1f}'


def format_checks(title: str, checks: Mapping[str, float]) -> str:
    """Smallest and largest of some numbers, with their names."""
    if not checks:
        return f'{title}: no points'
    low = min(checks, key=lambda name: checks[name])
    high = max(checks, key=lambda name: checks[name])
    return (
        f'{title}: {checks[low]:.3f} ({low}) to {checks[high]:.3f} ({high}), '
        f'{len(checks)} numbers'
    )


def format_outlook(
    model: Model, needs: Mapping[str, Need], rate: float
) -> str:
    """The table of what a large model would take."""
    rows = [_row_of_needs(name, need, rate) for name, need in needs.items()]
    return (
        f'Computed, not measured: {model.name}, {model.weights:,} weights, '
        f'{model.size} x {model.size}\npixels, {model.block.tokens:,} '
        'tokens, bfloat16. GiB and TFLOP are those of one image; a card\nis '
        f'taken to hold {100 * USABLE:.0f} % of its size. Hours are those of '
        f'a million images:\nTFLOP x images / rate, at an assumed {rate:g} '
        'TFLOP/s. One epoch takes them; the pass\nof the selection takes '
        f'those of full tuning.\n{aligned([_NEEDS, *rows])}'
    )


def _row_of_needs(name: str, need: Need, rate: float) -> tuple[str, ...]:
    return (
        name,
        f'{(need.weights + need.values) / GIB:.2f}',
        f'{need.gradients / GIB:.2f}',
        f'{need.moments / GIB:.2f}',
        f'{need.saved / GIB:.2f}',
        f'{need.gib:.1f}',
        'none' if need.card is None else f'{need.card}',
        *(f'{need.batch(card)}' for card in CARDS),
        f'{need.flops / TERA:.1f}',
        f'{need.hours(MILLION, rate):.1f}',
    )


def format_by_slopes(
    model: Model, costs: Mapping[str, Mapping[str, float]]
) -> str:
    """What the fitted slopes say about the large model on this machine."""
    lines = [
        f'{row}: {model.depth * cost["seconds"]:.0f} s a step, '
        f'{cost["saved"] / MIB:.0f} MiB saved per block, '
        f'{cost["saved_over_formula"]:.2f} of the formula for a GELU'
        for row, cost in costs.items()
        if len(cost) == 3
    ]
    if not lines:
        return ''
    title = (
        f'Computed by the slopes: {model.name} on this machine, float32, one '
        'image'
    )
    return '\n'.join([title, *lines])
