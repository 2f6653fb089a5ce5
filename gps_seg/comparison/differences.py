# Copyright (c) gps_seg contributors. Apache-2.0.
"""The differences of all variants to each reference, as rows of a summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gps_seg.comparison.intervals import paired_difference
from gps_seg.comparison.records import VALIDATION, RunRecord, SetScores

#: Runs by variant and seed.
Runs = Mapping[str, Mapping[int, RunRecord]]
#: Group of each image by data set; without an entry, every image of a data set
#: is its own group.
Groups = Mapping[str, Mapping[str, str]]


def all_differences(
    by_variant: Runs,
    references: Sequence[str],
    groups: Groups,
) -> list[dict[str, Any]]:
    """One row for each reference, other variant, data set and metric.

    Variants that have no seed in common with a reference are left out.

    Args:
        by_variant: Runs by variant and seed.
        references: Variants to compare with; one without runs is left out.
        groups: Group of each image by data set.
    """
    return [
        {
            'variant': name,
            'reference': reference,
            'set': of,
            'metric': metric,
            **difference_row(
                _scores(runs, of),
                _scores(by_variant[reference], of),
                metric,
                groups.get(of),
            ),
        }
        for reference in references
        if reference in by_variant
        for name, runs in by_variant.items()
        if name != reference and runs.keys() & by_variant[reference].keys()
        for of, metric in _compared(next(iter(runs.values())))
    ]


def _compared(run: RunRecord) -> list[tuple[str, str]]:
    """Data set and metric of each difference: all of the validation images."""
    return [
        (name, metric)
        for name, scores in run.scores.items()
        for metric in (
            scores.per_image if name == VALIDATION else [scores.metric]
        )
    ]


def _scores(runs: Mapping[int, RunRecord], of: str) -> dict[int, SetScores]:
    return {seed: run.scores[of] for seed, run in runs.items()}


def difference_row(
    variant: Mapping[int, SetScores],
    reference: Mapping[int, SetScores],
    metric: str,
    groups: Mapping[str, str] | None,
) -> dict[str, Any]:
    """A paired difference on one data set as plain data.

    Args:
        variant: Scores by seed.
        reference: Scores of the reference by seed.
        metric: Name of a metric of single images.
        groups: Group of each image; None if every image is its own group.
    """
    difference = paired_difference(variant, reference, metric, groups)
    row: dict[str, Any] = difference._asdict()
    row['per_seed'] = [list(pair) for pair in difference.per_seed.items()]
    return row
