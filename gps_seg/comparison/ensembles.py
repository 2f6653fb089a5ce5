# Copyright (c) gps_seg contributors. Apache-2.0.
"""Scores of ensembles of base and tuned weights, as rows of a summary."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import Any

from gps_seg.comparison.differences import Groups, Runs, difference_row
from gps_seg.comparison.records import RunRecord, SetScores

#: Share of the tuned weights in the tuned model.
TUNED = 1.0
#: Scores by seed, alpha and data set.
_BySeed = Mapping[int, Mapping[float, Mapping[str, SetScores]]]
#: Scores by variant, seed, alpha and data set; without alphas where a variant
#: adds modules.
Ensembles = Mapping[str, _BySeed]


def ensemble_rows(
    by_variant: Runs, ensembles: Ensembles, groups: Groups
) -> dict[str, Any] | None:
    """Means of the main metric by alpha, and differences to the tuned model.

    Args:
        by_variant: Runs by variant and seed: the tuned models.
        ensembles: Scores of the ensembles of these runs.
        groups: Group of each image by data set.

    Returns:
        ``rows``, one for each variant and data set, and the variants that are
        ``left_out`` because they add modules; None if nothing was scored.
    """
    if not ensembles:
        return None
    scored = {
        name: {seed: found for seed, found in by_seed.items() if found}
        for name, by_seed in ensembles.items()
    }
    return {
        'rows': [
            _row(name, of, by_variant[name], by_seed, groups)
            for name, by_seed in scored.items()
            if by_seed
            for of in next(iter(by_variant[name].values())).scores
        ],
        'left_out': [name for name, by_seed in scored.items() if not by_seed],
    }


def _row(
    variant: str,
    of: str,
    runs: Mapping[int, RunRecord],
    ensembles: _BySeed,
    groups: Groups,
) -> dict[str, Any]:
    """Scores by increasing alpha over the seeds that have ensembles."""
    tuned = {seed: runs[seed].scores[of] for seed in ensembles}
    mixed = {
        seed: {alpha: by_set[of] for alpha, by_set in found.items()}
        for seed, found in ensembles.items()
    }
    row = along_alpha(tuned, mixed, groups.get(of))
    return {'variant': variant, 'set': of, **row}


def along_alpha(
    tuned: Mapping[int, SetScores],
    ensembles: Mapping[int, Mapping[float, SetScores]],
    groups: Mapping[str, str] | None,
) -> dict[str, Any]:
    """Scores on one data set between base and tuned model, as plain data.

    Args:
        tuned: Scores of the tuned models by seed.
        ensembles: Scores of their ensembles by the same seeds and alpha.
        groups: Group of each image; None if every image is its own group.

    Returns:
        ``metric``, the main one; ``scores``, pairs of increasing alpha and
        mean; ``differences`` of each other ``alpha`` to the tuned model.
    """
    metric = next(iter(tuned.values())).metric
    means = {TUNED: _mean(tuned, metric)}
    differences = []
    for alpha in _common_alphas(ensembles):
        mixed = {seed: found[alpha] for seed, found in ensembles.items()}
        means[alpha] = _mean(mixed, metric)
        difference = difference_row(mixed, tuned, metric, groups)
        differences.append({'alpha': alpha, **difference})
    return {
        'metric': metric,
        'scores': [list(pair) for pair in sorted(means.items())],
        'differences': differences,
    }


def _common_alphas(
    ensembles: Mapping[int, Mapping[float, Any]],
) -> list[float]:
    """The alphas that all seeds have, without that of the tuned model."""
    first, *others = ensembles.values()
    return sorted(
        alpha
        for alpha in first
        if alpha != TUNED and all(alpha in other for other in others)
    )


def _mean(by_seed: Mapping[int, SetScores], metric: str) -> float:
    return fmean(scores.mean(metric) for scores in by_seed.values())
