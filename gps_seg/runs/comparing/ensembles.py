# Copyright (c) gps_seg contributors. Apache-2.0.
"""Score the models between the base and a tuned one (WiSE-FT).

They are ``base + alpha * (tuned - base)``, see "Robust fine-tuning of
zero-shot models" (Wortsman et al., CVPR 2022). The head, which has no base,
keeps its tuned values. On images unlike those of the training such a model may
score higher than the tuned one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gps_seg.comparison.records import VALIDATION, SetScores
from gps_seg.delta import Delta, applied, scaled
from gps_seg.engine import build_base
from gps_seg.files import write_json
from gps_seg.files.run_files import DELTA_FILE
from gps_seg.runs.comparing.jobs import Job, Jobs
from gps_seg.runs.comparing.scoring import ImagesToScore
from gps_seg.runs.comparing.worker import claimed
from gps_seg.runs.console.screen import quiet

#: File in the folder of a final run: scores by alpha and data set.
ENSEMBLES_FILE = 'ensembles.json'
#: Scores of one run by alpha and data set.
ByAlpha = dict[float, dict[str, SetScores]]


def score_ensembles(
    jobs: Jobs,
    unseen: Mapping[str, Mapping[str, Any]],
    alphas: Sequence[float],
    report: Callable[[str], None],
) -> None:
    """Score the ensembles of all finished final runs that are not scored yet.

    A method that adds modules has no weights between base and tuned model;
    its runs are left out.

    Args:
        jobs: Runs of the comparison.
        unseen: Data sets of other images, by name.
        alphas: Shares of the tuned model.
        report: Function that prints a line.
    """
    data: dict[str, ImagesToScore] = {}
    for job in _final_runs(jobs) if alphas else []:
        with claimed(job.folder) as is_mine:
            missing = _missing(job, alphas) if is_mine else []
            if missing:
                data = data or _data_sets(jobs, unseen)
                report(f'ensembles of base and {job.label}')
                _score(job, data, missing)


def _final_runs(jobs: Jobs) -> list[Job]:
    return [
        job
        for variant in jobs.variants
        for job in jobs.final_runs(variant)
        if job.is_finished
    ]


def _missing(job: Job, alphas: Sequence[float]) -> list[float]:
    """The alphas that are not scored yet, and can be."""
    found = read_ensembles(job.folder)
    if found is not None and not found:
        return []
    return [alpha for alpha in alphas if alpha not in (found or {})]


def _data_sets(
    jobs: Jobs, unseen: Mapping[str, Mapping[str, Any]]
) -> dict[str, ImagesToScore]:
    sets: dict[str, Mapping[str, Any] | None] = {VALIDATION: None, **unseen}
    return {
        name: ImagesToScore(jobs.final, dataset)
        for name, dataset in sets.items()
    }


def _score(
    job: Job, data: Mapping[str, ImagesToScore], alphas: Sequence[float]
) -> None:
    """Add the scores of some alphas to the file of a run."""
    delta = Delta.load(job.folder / DELTA_FILE)
    scores = read_ensembles(job.folder) or {}
    if not delta.info.plan:
        with quiet():
            base = build_base(job.config, job.seed)
        for alpha in alphas:
            with applied(base, scaled(base, delta, alpha)):
                scores[alpha] = {
                    name: images.score(base) for name, images in data.items()
                }
    _write(scores, job.folder / ENSEMBLES_FILE)


def _write(scores: ByAlpha, path: Path) -> None:
    text = {
        str(alpha): {name: asdict(each) for name, each in by_set.items()}
        for alpha, by_set in scores.items()
    }
    write_json(text, path)


def read_ensembles(folder: Path) -> ByAlpha | None:
    """Scores by alpha and data set.

    Args:
        folder: Folder of a final run.

    Returns:
        The scores; empty if the method of the run adds modules, None if
        nothing was scored.
    """
    path = folder / ENSEMBLES_FILE
    if not path.is_file():
        return None
    found = json.loads(path.read_text(encoding='utf-8'))
    return {
        float(alpha): {
            name: SetScores(**scores) for name, scores in by_set.items()
        }
        for alpha, by_set in found.items()
    }


def all_ensembles(jobs: Jobs) -> dict[str, dict[int, ByAlpha]]:
    """Scores of all final runs by variant and seed; those that have some."""
    scores: dict[str, dict[int, ByAlpha]] = {}
    for job in _final_runs(jobs):
        found = read_ensembles(job.folder)
        if found is not None:
            scores.setdefault(job.variant.name, {})[job.seed] = found
    return scores
