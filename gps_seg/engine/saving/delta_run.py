# Copyright (c) gps_seg contributors. Apache-2.0.
"""Requirements of a DeltaHook on a run, and the facts that it records."""

import math
from collections.abc import Mapping
from typing import Any, SupportsFloat

from mmengine.runner import EpochBasedTrainLoop, Runner

from gps_seg.engine.training.peft_hook import PeftHook, peft_hooks_of


def only_peft_hook(runner: Runner) -> PeftHook:
    """The hook whose task is saved.

    Raises:
        ValueError: If there is none, or more than one.
    """
    hooks = peft_hooks_of(runner)
    if len(hooks) != 1:
        raise ValueError(
            f'custom_hooks: expected one PeftHook, got {len(hooks)}. '
            'DeltaHook saves what a PeftHook trains; without a PeftHook, use '
            'CheckpointHook.'
        )
    return hooks[0]


def check_interval(runner: Runner, by_epoch: bool) -> None:
    """Refuse to save within epochs, which a resumed run would repeat.

    Args:
        runner: Runner of a training.
        by_epoch: Whether the hook counts epochs.

    Raises:
        ValueError: If it counts iterations and the training counts epochs.
    """
    if by_epoch or not isinstance(runner.train_loop, EpochBasedTrainLoop):
        return
    raise ValueError(
        'default_hooks.checkpoint.by_epoch: expected True for a training by '
        'epochs, got False. MMEngine resumes at the beginning of an epoch, '
        'so it would train part of an interrupted epoch twice. Set '
        'by_epoch=True and count the interval in epochs.'
    )


def check_no_resume(runner: Runner) -> None:
    """Refuse to validate or test the state of a stopped run.

    Raises:
        ValueError: If the runner is to resume.
    """
    if runner._resume:
        raise ValueError(
            'resume: expected a training, got a validation or a test. The '
            'state of a stopped run has no base weights. Run '
            f'tools/test.py CONFIG {runner.work_dir}/delta.safetensors, or '
            'set resume=False.'
        )


def record_seed(runner: Runner) -> None:
    """Write the seed of the run into its config and its config file.

    The config may lack it: the seed may have been drawn, or come from the
    state that is resumed.
    """
    randomness = runner.cfg.get('randomness') or {}
    if randomness.get('seed') != runner.seed:
        runner.cfg.randomness = {**randomness, 'seed': runner.seed}
        runner.dump_config()


def classes_of(runner: Runner) -> dict[str, Any]:
    """Classes and palette of the training data, for ``DeltaInfo``.

    A palette that does not fit the classes is left out.
    """
    metainfo = getattr(runner.train_dataloader.dataset, 'metainfo', {})
    classes = tuple(metainfo.get('classes') or ())
    palette = metainfo.get('palette') or ()
    fits = len(palette) == len(classes)
    return {'classes': classes, 'palette': palette if fits else ()}


def progress(runner: Runner) -> tuple[int, int]:
    """Numbers of completed epochs and iterations."""
    return runner.epoch, runner.iter


def validates_now(runner: Runner) -> bool:
    """Whether a validation is due at the current step.

    A run that was stopped between a step and the validation after it has
    missed that validation, and MMEngine does not make up for it.
    """
    loop = runner.train_loop
    if runner.val_loop is None:
        return False
    by_epoch = isinstance(loop, EpochBasedTrainLoop)
    now = runner.epoch if by_epoch else runner.iter
    last = runner.max_epochs if by_epoch else runner.max_iters
    return now >= loop.val_begin and (
        now % loop.val_interval == 0 or now == last
    )


def finite_numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The metrics that are finite numbers, as plain floats."""
    return {
        name: float(value)
        for name, value in metrics.items()
        if isinstance(value, SupportsFloat) and math.isfinite(value)
    }
