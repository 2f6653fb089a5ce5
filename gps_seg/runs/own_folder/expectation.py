# Copyright (c) gps_seg contributors. Apache-2.0.
"""What a training is going to take: measured by a few of its own steps."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path
from typing import NamedTuple

from mmengine.config import Config

from gps_seg.benchmark.processes import run_worker
from gps_seg.engine.training.hook_settings import peft_hook
from gps_seg.runs.comparing.costs.visits import WORKER
from gps_seg.runs.own_folder.plan import VALIDATIONS, Plan

#: Timed steps of the measurement.
STEPS = 2


class Expectation(NamedTuple):
    """Time and memory that a training is expected to take.

    Args:
        seconds: Seconds of selection, steps and validations.
        peak_bytes: Memory of a step above what the model takes; None if
            unknown.
    """

    seconds: float
    peak_bytes: int | None


def measure(config: Config, plan: Plan, num_validation: int) -> Expectation:
    """Measure a few steps in a process of its own.

    Args:
        config: Config of the training.
        plan: Its plan.
        num_validation: Number of validation images.

    Raises:
        MemoryError: If the device has no room for a step.
        ValueError: If the training cannot begin; says why.
    """
    with tempfile.TemporaryDirectory() as folder:
        costs = _costs(config, Path(folder))
    return Expectation(
        seconds=costs['pass_seconds'] * _passes(config)
        + costs['step_seconds'] * plan.iterations
        + costs['test_seconds'] * num_validation * VALIDATIONS,
        peak_bytes=costs['peak_bytes'],
    )


def _passes(config: Config) -> float:
    """Length of a selection, in units of what is measured of it.

    That is one batch of the pass, and one step of the warm-up if there is
    any; both take about as long.
    """
    hook = peft_hook(config)
    warmup = (hook.get('loss') or {}).get('warmup', 0)
    return (hook.max_batches + warmup) / (2 if warmup else 1)


def _costs(config: Config, folder: Path) -> dict[str, float]:
    short = copy.deepcopy(config)
    hook = peft_hook(short)
    hook.max_batches = 1
    if (hook.get('loss') or {}).get('warmup'):
        hook.loss.warmup = 1
    short.dump(folder / 'measured.py')
    task = {
        'config': str(folder / 'measured.py'),
        'work_dir': str(folder),
        'steps': STEPS,
        'keep': str(folder / 'selected.pth'),
        'selected': False,
    }
    try:
        costs: dict[str, float] = run_worker(task, WORKER)
    except RuntimeError as error:
        reason = str(error).partition(': ')[2]
        if 'memory' in reason.lower():
            raise MemoryError(reason) from error
        # The worker's last line begins with the type of its error.
        message = reason.partition('Error: ')[2]
        if ': expected ' in message:
            raise ValueError(message) from error
        raise ValueError(
            f'plan: expected to measure a few steps, got: {reason}'
        ) from error
    return costs
