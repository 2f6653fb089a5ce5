# Copyright (c) gps_seg contributors. Apache-2.0.
"""Train one run of a comparison, score it and keep its record."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from gps_seg.comparison.records import VALIDATION, RunRecord, SetScores
from gps_seg.engine.reporting.environment import describe_environment
from gps_seg.engine.runner_model import bare_model
from gps_seg.engine.training.hook_settings import peft_hook
from gps_seg.files.run_files import (
    BASE_FILE,
    DELTA_FILE,
    LATEST_FILE,
    RESUME_FILE,
    SELECTION_FILE,
)
from gps_seg.runs.comparing.curve_hook import CurveHook
from gps_seg.runs.comparing.equal_treatment import (
    check_treated_alike,
    settings_hash,
)
from gps_seg.runs.comparing.jobs import Job
from gps_seg.runs.comparing.treatment_hook import TreatmentHook
from gps_seg.runs.comparing.variant_check import VALIDATION_PARTS
from gps_seg.runs.console.screen import quiet
from gps_seg.runs.launch import build_runner, find_state
from gps_seg.runs.own_visualizer import with_own_visualizer
from gps_seg.runs.scoring.images import ImagesToScore, is_classifier
from gps_seg.runs.side_by_side.progress_hook import ProgressHook
from gps_seg.runs.what_trained import what_trained

#: Folder of a final run with the predicted label maps.
PREDICTIONS = 'predictions'
_STATES = (RESUME_FILE, BASE_FILE, LATEST_FILE)
_TASK = (DELTA_FILE, SELECTION_FILE)


def run_job(
    job: Job,
    unseen: Mapping[str, Mapping[str, Any]],
    others: Iterable[RunRecord],
) -> None:
    """Train a run and write its record; a stopped run is continued.

    Args:
        job: Run to train.
        unseen: Data sets of other images on which a final run is scored.
        others: Finished runs of other variants that must have been treated
            as this one.
    """
    config = job.config
    progress, treatment = ProgressHook('', sys.stdout), TreatmentHook()
    curve = CurveHook()
    # A classifier has no curve; its images are scored once, at the end.
    validates = not job.is_tuning and not is_classifier(config)
    runner = _train(config, validates, progress, treatment, curve)
    record = _record(
        job,
        runner,
        seconds=progress.seconds,
        curve=curve.curve(runner),
        scores=_scores(job, config, bare_model(runner), unseen),
        treatment={
            **treatment.hashes(runner),
            'settings': settings_hash(config),
        },
    )
    check_treated_alike(record, others)
    record.write(job.folder)
    _clear(job)
    del runner
    gc.collect()  # workers of the loaders end with it


def _record(job: Job, runner: Runner, **measured: Any) -> RunRecord:
    trained = what_trained(runner)
    return RunRecord(
        variant=job.variant.name,
        seed=job.seed,
        rate=job.rate,
        method=dict(peft_hook(job.config).method),
        trained=trained.trained,
        total=trained.total,
        task_bytes=(job.folder / DELTA_FILE).stat().st_size,
        environment=describe_environment(),
        digest=job.digest,
        **measured,
    )


def _train(config: Config, validates: bool, *hooks: Hook) -> Runner:
    """Train a copy of the config with its own visualizer, and no pictures."""
    config = with_own_visualizer(config)
    config.default_hooks.pop('report', None)
    if not validates:
        _leave_validation_out(config)
    state = None
    with quiet():
        if Path(config.work_dir, RESUME_FILE).is_file():
            state = find_state(config, 'auto')
        runner = build_runner(config, state)
        for hook in hooks:
            runner.register_hook(hook)
        runner.train()
    return runner


def _leave_validation_out(config: Config) -> None:
    """Score a run that tunes a rate only once, after its training."""
    for key in VALIDATION_PARTS:
        config[key] = None
    config.default_hooks.checkpoint.save_best = None


def _scores(
    job: Job,
    config: Config,
    model: Any,
    unseen: Mapping[str, Mapping[str, Any]],
) -> dict[str, SetScores]:
    if job.is_tuning:
        return {VALIDATION: ImagesToScore(config).score(model)}
    labels = None if is_classifier(config) else job.folder / PREDICTIONS
    scores = {VALIDATION: ImagesToScore(config).score(model, labels)}
    for name, dataset in unseen.items():
        scores[name] = ImagesToScore(config, dataset).score(model)
    return scores


def _clear(job: Job) -> None:
    """Remove what only a stopped run needs, and the task of a tuned rate."""
    names = (*_STATES, *_TASK) if job.is_tuning else _STATES
    for name in names:
        (job.folder / name).unlink(missing_ok=True)
