# Copyright (c) gps_seg contributors. Apache-2.0.
"""What a comparison writes: summary, tables, and pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from gps_seg.comparison import (
    RunRecord,
    measure_agreement,
    summarise,
    write_csv,
    write_markdown,
    write_summary,
)
from gps_seg.comparison.records import VALIDATION
from gps_seg.runs.comparing.ensembles import all_ensembles
from gps_seg.runs.comparing.jobs import FAILED_FILE, Jobs
from gps_seg.runs.comparing.same_images import (
    plot_same_images,
    prediction_folders,
)
from gps_seg.runs.scoring.data_sets import groups_of
from gps_seg.runs.scoring.images import ImagesToScore
from gps_seg.visualization.comparison.summary import plot_summary

#: Two runs at least, for predictions that agree or not.
_FEWEST_RUNS = 2


def write_report(
    jobs: Jobs,
    references: Sequence[str],
    unseen: Mapping[str, Mapping[str, Any]],
    costs: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Summarise the finished runs, and write tables into their folder.

    Args:
        jobs: Runs of the comparison, one of them finished.
        references: Variants that all others are compared with.
        unseen: Data sets of other images, by name.
        costs: Content of ``costs.json``, or None.

    Returns:
        The summary; see :func:`gps_seg.comparison.summarise`.

    Raises:
        ValueError: If all variants have failed.
    """
    runs = _final_records(jobs)
    _require_some(runs, jobs)
    tuning = [job for each in jobs.tuning_runs.values() for job in each]
    summary = summarise(
        runs,
        [name for name in references if name in {run.variant for run in runs}],
        rate_runs=[job.record for job in tuning if job.is_finished],
        costs=_costs_of_variants(costs),
        failed=jobs.failed(),
        groups=groups_of(jobs.final, {VALIDATION: None, **unseen}),
        agreement=_agreement(jobs),
        ensembles=all_ensembles(jobs),
    )
    write_summary(summary, jobs.folder)
    write_csv(summary, jobs.folder)
    write_markdown(summary, jobs.folder)
    plot_summary(summary, jobs.folder)
    plot_same_images(jobs, runs, summary['references'])
    return summary


def _require_some(runs: Sequence[RunRecord], jobs: Jobs) -> None:
    """Raise ValueError with the reason if no final run is finished."""
    failed = jobs.failed()
    if failed and not runs:
        first = next(iter(failed.values()))
        raise ValueError(
            'comparison: expected one variant that can be trained, got '
            f'{len(failed)} that failed, such as {first} '
            f'({jobs.folder}). Correct the config, remove each {FAILED_FILE} '
            'there, and call again.'
        )


def _final_records(jobs: Jobs) -> list[RunRecord]:
    return [
        job.record
        for variant in jobs.variants
        for job in jobs.final_runs(variant)
        if job.is_finished
    ]


def _costs_of_variants(
    costs: Mapping[str, Any] | None,
) -> dict[str, dict[str, Any]]:
    """One number for each cost; the step time is the median of rounds."""
    if costs is None:
        return {}
    return {
        name: {**found, 'step_seconds': median(found['step_seconds'])}
        for name, found in costs['variants'].items()
        if 'error' not in found
    }


def _agreement(jobs: Jobs) -> dict[str, Any] | None:
    """How far predictions agree; None for classifiers and a single run."""
    folders = prediction_folders(jobs)
    if sum(map(len, folders.values())) < _FEWEST_RUNS:
        return None
    images = ImagesToScore(jobs.final)
    groups = groups_of(jobs.final, {VALIDATION: None}).get(VALIDATION)
    return measure_agreement(
        folders, images.truth, images.names, groups, images.foreground
    )
