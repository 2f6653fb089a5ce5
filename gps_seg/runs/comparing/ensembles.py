# Copyright (c) gps_seg contributors. Apache-2.0.
"""Score the ensembles of base and tuned weights of all final runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from mmengine.device import get_device

from gps_seg.comparison.records import VALIDATION
from gps_seg.delta import Delta
from gps_seg.engine import build_base
from gps_seg.files.run_files import DELTA_FILE
from gps_seg.runs.comparing.jobs import Job, Jobs
from gps_seg.runs.comparing.worker import share
from gps_seg.runs.console.screen import quiet
from gps_seg.runs.scoring.data_sets import open_sets
from gps_seg.runs.scoring.ensembles import (
    ByAlpha,
    read_scores,
    score_between,
    write_scores,
)
from gps_seg.runs.scoring.images import ImagesToScore

#: File in the folder of a final run: scores by alpha and data set.
ENSEMBLES_FILE = 'ensembles.json'


def score_ensembles(
    jobs: Jobs,
    unseen: Mapping[str, Mapping[str, Any]],
    alphas: Sequence[float],
    report: Callable[[str], None],
) -> None:
    """Score the ensembles of all finished final runs that are not scored yet.

    A method that adds modules has no weights between base and tuned model;
    its runs are left out, and so are runs of which only the record is there.

    Args:
        jobs: Runs of the comparison.
        unseen: Data sets of other images, by name.
        alphas: Shares of the tuned model.
        report: Function that prints a line.
    """
    _report_without_delta(jobs, alphas, report)

    @cache
    def data() -> dict[str, ImagesToScore]:
        return open_sets(jobs.final, {VALIDATION: None, **unseen})

    def score(job: Job) -> None:
        report(f'ensembles of base and {job.label}')
        _score(job, data(), _missing(job, alphas))

    share(
        lambda: _final_runs(jobs),
        lambda job: bool(_missing(job, alphas)),
        score,
        report,
    )


def _final_runs(jobs: Jobs) -> list[Job]:
    return [
        job
        for variant in jobs.variants
        for job in jobs.final_runs(variant)
        if job.is_finished
    ]


def _report_without_delta(
    jobs: Jobs, alphas: Sequence[float], report: Callable[[str], None]
) -> None:
    """Say which runs have a record alone, and so no ensembles."""
    labels = [job.label for job in _final_runs(jobs) if not _has_delta(job)]
    if alphas and labels:
        report(f'ensembles: without {DELTA_FILE}, left out: {labels}')


def _has_delta(job: Job) -> bool:
    return Path(job.folder, DELTA_FILE).is_file()


def _missing(job: Job, alphas: Sequence[float]) -> list[float]:
    """The alphas that are not scored yet, and can be."""
    found = read_ensembles(job.folder)
    if not _has_delta(job) or (found is not None and not found):
        return []
    return [alpha for alpha in alphas if alpha not in (found or {})]


def _score(
    job: Job, data: Mapping[str, ImagesToScore], alphas: Sequence[float]
) -> None:
    """Add the scores of some alphas to the file of a run."""
    delta = Delta.load(job.folder / DELTA_FILE)
    scores = read_ensembles(job.folder) or {}
    if not delta.info.plan:
        with quiet():
            base = build_base(job.config, job.seed).to(get_device())
        scores |= score_between(base, delta, alphas, data)
    write_scores(scores, job.folder / ENSEMBLES_FILE)


def read_ensembles(folder: Path) -> ByAlpha | None:
    """Scores by alpha and data set.

    Args:
        folder: Folder of a final run.

    Returns:
        The scores; empty if the method of the run adds modules, None if
        nothing was scored.
    """
    path = folder / ENSEMBLES_FILE
    return read_scores(path) if path.is_file() else None


def all_ensembles(jobs: Jobs) -> dict[str, dict[int, ByAlpha]]:
    """Scores of all final runs by variant and seed; those that have some."""
    scores: dict[str, dict[int, ByAlpha]] = {}
    for job in _final_runs(jobs):
        found = read_ensembles(job.folder)
        if found is not None:
            scores.setdefault(job.variant.name, {})[job.seed] = found
    return scores
