# Copyright (c) gps_seg contributors. Apache-2.0.
"""Majority votes of runs: of several seeds, and of several variants."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gps_seg.comparison.intervals import paired_difference
from gps_seg.comparison.label_maps import pairwise_dice, read_stack, vote
from gps_seg.comparison.records import SetScores

_LEAST_VOTERS = 3  # two that differ have no majority
_METRIC = 'Dice'
_GAIN = ('mean', 'low', 'high', 'num_seeds', 'num_groups')

#: Function from the name of an image to its labels.
Truth = Callable[[str], np.ndarray]


class Run(NamedTuple):
    """A run by its variant and seed."""

    variant: str
    seed: int


#: Voters, and scores of their vote, by seed.
_Ballots = Mapping[int, Sequence[Run]]
_Scores = Mapping[int, SetScores]


def measure_votes(
    runs: Mapping[Run, Path],
    scores: Mapping[Run, float],
    truth: Truth,
    images: Sequence[str],
    groups: Mapping[str, str] | None = None,
    foreground: Sequence[int] | None = None,
) -> dict[str, Any] | None:
    """Dice of votes of variants and of seeds, with equally many members.

    A vote of variants needs one seed, a vote of seeds as many as voters.

    Args:
        runs: Folder of the label maps of each run.
        scores: Mean Dice over the images of each run.
        truth: Function from the name of an image to its labels.
        images: Names of the images.
        groups: Group of each image, such as its video; None or empty if every
            image is its own group.
        foreground: Labels of the classes of which Dice is taken; None takes
            all but 0.

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

    def count(ballots: _Ballots) -> _Scores:
        return {
            seed: _vote_scores(ballot, runs, truth, images, foreground)
            for seed, ballot in ballots.items()
        }

    single = count({seed: [Run(best, seed)] for seed in seeds})

    def of_variants(names: list[str]) -> dict[str, Any]:
        votes = count({s: [Run(v, s) for v in names] for s in seeds})
        gain = paired_difference(votes, single, _METRIC, groups)
        return {
            'variants': names,
            'dice': _mean(votes),
            'gain': {key: getattr(gain, key) for key in _GAIN},
        }

    return {
        'members': members,
        'best_run': {**top._asdict(), 'dice': scores[top]},
        'best_variant': {'variant': best, 'dice': means[best]},
        'seeds': _of_seeds(best, seeds[:members], count),
        'variants': of_variants(several),
        'all': of_variants(variants),
    }


def _of_seeds(
    variant: str,
    seeds: Sequence[int],
    count: Callable[[_Ballots], _Scores],
) -> dict[str, Any] | None:
    """The vote of the seeds of one variant; None if they are too few."""
    if len(seeds) < _LEAST_VOTERS:
        return None
    ballot = [Run(variant, seed) for seed in seeds]
    dice = _mean(count({seeds[0]: ballot}))
    return {'variant': variant, 'seeds': list(seeds), 'dice': dice}


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


def _vote_scores(
    ballot: Sequence[Run],
    runs: Mapping[Run, Path],
    truth: Truth,
    images: Sequence[str],
    foreground: Sequence[int] | None,
) -> SetScores:
    """Dice of the vote of some runs on each image."""
    scores = []
    for image in images:
        maps, true = read_stack([runs[r] for r in ballot], image, truth(image))
        both = np.stack([vote(maps), true])
        scores.append(float(pairwise_dice(both, foreground)[0, 1]))
    return SetScores(
        images=list(images), per_image={_METRIC: scores}, pooled={}
    )


def _mean(scores: _Scores) -> float:
    return float(np.mean([one.mean(_METRIC) for one in scores.values()]))
