# Copyright (c) gps_seg contributors. Apache-2.0.
"""Majority votes of runs: of several seeds, and of several variants."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gps_seg.comparison.label_maps import pairwise_dice, read_stack, vote

_LEAST_VOTERS = 3  # two that differ have no majority

#: Function from the name of an image to its labels.
Truth = Callable[[str], np.ndarray]


class Run(NamedTuple):
    """A run by its variant and seed."""

    variant: str
    seed: int


def measure_votes(
    runs: Mapping[Run, Path],
    scores: Mapping[Run, float],
    truth: Truth,
    images: Sequence[str],
) -> dict[str, Any] | None:
    """Dice of votes of variants and of seeds, with equally many members.

    A vote of variants needs one seed, a vote of seeds as many as voters.

    Args:
        runs: Folder of the label maps of each run.
        scores: Mean Dice over the images of each run.
        truth: Function from the name of an image to its labels.
        images: Names of the images.

    Returns:
        See ``measure_agreement``; None if there are too few variants, or no
        seed is common to all.
    """
    variants = list(dict.fromkeys(run.variant for run in runs))
    seeds = _common_seeds(runs, variants)
    if len(variants) < _LEAST_VOTERS or not seeds:
        return None
    members = max(_LEAST_VOTERS, min(len(variants), len(seeds)))
    means = _mean_scores(scores, variants, seeds)
    ranked = sorted(variants, key=means.__getitem__, reverse=True)
    best, several = ranked[0], ranked[:members]
    top = max(scores, key=scores.__getitem__)

    def dice(ballots: list[list[Run]]) -> float:
        return _vote_dice(ballots, runs, truth, images)

    of_several = dice([[Run(v, seed) for v in several] for seed in seeds])
    of_all = dice([[Run(v, seed) for v in variants] for seed in seeds])
    return {
        'members': members,
        'best_run': {**top._asdict(), 'dice': scores[top]},
        'best_variant': {'variant': best, 'dice': means[best]},
        'seeds': _of_seeds(best, seeds[:members], dice),
        'variants': {'variants': several, 'dice': of_several},
        'all': {'variants': variants, 'dice': of_all},
    }


def _of_seeds(
    variant: str,
    seeds: Sequence[int],
    dice: Callable[[list[list[Run]]], float],
) -> dict[str, Any] | None:
    """The vote of the seeds of one variant; None if they are too few."""
    if len(seeds) < _LEAST_VOTERS:
        return None
    ballot = [Run(variant, seed) for seed in seeds]
    return {'variant': variant, 'seeds': list(seeds), 'dice': dice([ballot])}


def _common_seeds(
    runs: Mapping[Run, Path], variants: Sequence[str]
) -> list[int]:
    return [
        seed
        for seed in dict.fromkeys(run.seed for run in runs)
        if all(Run(name, seed) in runs for name in variants)
    ]


def _mean_scores(
    scores: Mapping[Run, float], variants: Sequence[str], seeds: Sequence[int]
) -> dict[str, float]:
    """Mean over the seeds, by variant."""
    return {
        name: float(np.mean([scores[Run(name, seed)] for seed in seeds]))
        for name in variants
    }


def _vote_dice(
    ballots: Sequence[Sequence[Run]],
    runs: Mapping[Run, Path],
    truth: Truth,
    images: Sequence[str],
) -> float:
    """Mean Dice of the votes of several ballots over the images."""
    scores = []
    for image in images:
        labels = truth(image)
        for ballot in ballots:
            folders = [runs[run] for run in ballot]
            maps, true = read_stack(folders, image, labels)
            scores.append(pairwise_dice(np.stack([vote(maps), true]))[0, 1])
    return float(np.mean(scores))
