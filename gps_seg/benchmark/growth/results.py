# Copyright (c) gps_seg contributors. Apache-2.0.
"""All that follows from the points, for the file and the text."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from gps_seg.benchmark.growth.block_costs import (
    BIAS,
    FULL,
    Block,
    lora,
    saved_bytes,
    step_flops,
)
from gps_seg.benchmark.growth.checks import (
    depths_over_whole,
    formula_over_counter,
)
from gps_seg.benchmark.growth.curves import (
    Curve,
    Steps,
    curves_of,
    parts_of,
    steps_of,
)
from gps_seg.benchmark.growth.hosts import MLP_RATIO, VITS, tokens_of
from gps_seg.benchmark.growth.measuring import Results
from gps_seg.benchmark.growth.outlook import TERA, Model, needs_of, vit_g
from gps_seg.benchmark.growth.points import RANK, Axes

_METHODS = {'full': FULL, 'lora': lora(RANK), 'bias': BIAS}


@dataclass(frozen=True)
class Growth:
    """How costs grow.

    Args:
        curves: Costs along the axes.
        steps: Steps of each host over k.
        formula: Saved bytes by formula over those that were counted.
        depths: Cost of a whole ViT by two depths over what was measured.
        rates: Rate of a block that was achieved, in 1e12 operations per
            second, by host and row.
        by_slopes: Row -> seconds and saved bytes of a block of the large
            model in float32, by the power laws.
    """

    curves: Sequence[Curve]
    steps: Sequence[Steps]
    formula: Mapping[str, float]
    depths: Mapping[str, float]
    rates: Mapping[str, float]
    by_slopes: Mapping[str, Mapping[str, float]]


def growth_of(axes: Axes, results: Results) -> Growth:
    """All that follows from the measured points.

    Args:
        axes: Measured axes.
        results: Measured points.

    Example:
        >>> from gps_seg.benchmark.growth import default_axes
        >>> growth_of(default_axes(None), {}).curves
        []
    """
    curves = curves_of(axes, results)
    common = tokens_of(axes.size)
    return Growth(
        curves,
        steps_of(axes, results),
        formula_over_counter(axes, results),
        depths_over_whole(axes, results),
        _rates(axes, results),
        {
            row: found
            for row in _METHODS
            if (found := by_slopes(curves, row, vit_g().block, common))
        },
    )


def _rates(axes: Axes, results: Results) -> dict[str, float]:
    rates = {}
    for host in (*axes.at_sizes(), *axes.at_widths()):
        block = VITS[host.name].block(host.size)
        for row, method in _METHODS.items():
            parts = parts_of(host, row, 'seconds', axes, results)
            if parts is not None and parts[1] > 0:
                rate = step_flops(block, method) / parts[1] / TERA
                rates[f'{host.name}, {host.size} px, {row}'] = rate
    return rates


def by_slopes(
    curves: Sequence[Curve], row: str, block: Block, common: int
) -> dict[str, float]:
    """Cost of a block by the power laws of width and tokens.

    It is the law of width at the width, times the law of tokens at the tokens
    over that at the tokens of the axis of width. The saved bytes are also
    given over those by the formula, for a GELU as in the measured models.

    Args:
        curves: Curves on the axes of tokens and of width.
        row: Row of the curves.
        block: Block; only its tokens and its width count.
        common: Number of tokens along the axis of width.

    Returns:
        ``seconds``, ``saved`` and ``saved_over_formula``; nothing for a law
        that is missing.
    """
    found = {}
    for quantity in ('seconds', 'saved'):
        fits = {
            curve.axis: curve.fit
            for curve in curves
            if (curve.quantity, curve.row) == (quantity, row)
        }
        tokens, width = fits.get('tokens'), fits.get('width')
        if tokens is not None and width is not None:
            growth = tokens.at(block.tokens) / tokens.at(common)
            found[quantity] = width.at(block.width) * growth
    if 'saved' in found:
        plain = replace(
            block,
            hidden=MLP_RATIO * block.width,
            gated=False,
            layer_scale=False,
        )
        formula = saved_bytes(plain, _METHODS[row], value=4)
        found['saved_over_formula'] = found['saved'] / formula
    return found


def as_json(growth: Growth, rate: float) -> dict[str, Any]:
    """All numbers, for a JSON file.

    Args:
        growth: Measured growth.
        rate: Rate that the outlook assumes, in 1e12 operations per second.

    Example:
        >>> from gps_seg.benchmark.growth import default_axes
        >>> nothing = growth_of(default_axes(None), {})
        >>> as_json(nothing, rate=200.0)['computed']['model']['name']
        'ViT-g/14'
    """
    content = asdict(growth)
    for entry, curve in zip(content['curves'], growth.curves, strict=True):
        entry['fit'] = None if curve.fit is None else curve.fit._asdict()
    return content | {'computed': _outlook(vit_g(), rate)}


def _outlook(model: Model, rate: float) -> dict[str, Any]:
    needs = {
        name: need._asdict()
        | {
            'gib': need.gib,
            'card': need.card,
            'hours_of_a_million_images': need.hours(10**6, rate),
        }
        for name, need in needs_of(model).items()
    }
    return {
        'model': asdict(model) | {'weights': model.weights},
        'assumed_tflops': rate,
        'needs': needs,
    }
