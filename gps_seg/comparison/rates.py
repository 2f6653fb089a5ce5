# Copyright (c) gps_seg contributors. Apache-2.0.
"""The learning rate of each variant, chosen from runs on training images."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from statistics import fmean
from typing import NamedTuple

from gps_seg.comparison.records import RunRecord

_Scores = Mapping[float, Mapping[int, float]]


class RateChoice(NamedTuple):
    """Scores of a variant by rate, and the best rate.

    Args:
        scores: Mean of the main metric over the seeds by rate, by increasing
            rate.
        best: Rate with the best score; the lower one of two equal ones.
        edge: ``'lowest'`` or ``'highest'`` if the best rate is an end of the
            grid, where a better one may lie beyond; else an empty text.

    Example:
        >>> RateChoice({0.3: 80.0, 1.0: 82.0, 3.0: 79.0}, 1.0, '').best
        1.0
    """

    scores: dict[float, float]
    best: float
    edge: str


def choose_rates(runs: Iterable[RunRecord]) -> dict[str, RateChoice]:
    """The scores of the tuned rates, and the best rate of each variant.

    A rate is only chosen if it ran with as many seeds as any other of the
    variant, and if its score is finite: a rate that let a run fail is listed,
    and not chosen.

    Args:
        runs: Runs with a rate, scored on images that were held out from the
            training images.

    Returns:
        Choice by variant, in the order of the runs.

    Raises:
        ValueError: If a run has no rate, or no score is finite.

    Example:
        >>> from gps_seg.comparison import SetScores
        >>> def run(rate, dice):
        ...     scores = SetScores(
        ...         images=['a'], per_image={'Dice': [dice]}, pooled={}
        ...     )
        ...     return RunRecord(
        ...         variant='gps', seed=0, rate=rate, method={}, trained=1,
        ...         total=9, task_bytes=4, seconds=1.0, curve=[],
        ...         scores={'validation': scores}, treatment={},
        ...     )
        >>> choose_rates([run(1.0, 80.0), run(3.0, 82.0)])['gps']
        RateChoice(scores={1.0: 80.0, 3.0: 82.0}, best=3.0, edge='highest')
    """
    variants: dict[str, dict[float, dict[int, float]]] = {}
    for run in runs:
        if run.rate is None:
            raise ValueError(
                f'rates: expected runs with a rate, got {run.variant} with '
                f'seed {run.seed} and none. Give the runs that tune the rates.'
            )
        rates = variants.setdefault(run.variant, {})
        score = run.validation.mean(run.validation.metric)
        rates.setdefault(run.rate, {})[run.seed] = score
    return {name: _choice(name, rates) for name, rates in variants.items()}


def _choice(variant: str, rates: _Scores) -> RateChoice:
    grid = sorted(rates)
    means = {rate: fmean(rates[rate].values()) for rate in grid}
    most = max(map(len, rates.values()))
    able = [
        rate
        for rate in grid
        if len(rates[rate]) == most and math.isfinite(means[rate])
    ]
    if not able:
        raise ValueError(
            f'rates: expected a finite score of {variant}, got {means}. '
            'Tune with lower rates.'
        )
    best = max(able, key=means.__getitem__)  # the first of equal ones
    return RateChoice(means, best, _edge(grid, best))


def _edge(grid: list[float], best: float) -> str:
    if len(grid) == 1:
        return ''
    return {grid[0]: 'lowest', grid[-1]: 'highest'}.get(best, '')
