# Copyright (c) gps_seg contributors. Apache-2.0.
"""Whether a run was stopped between a step and the validation after it."""

from mmengine.runner import EpochBasedTrainLoop, Runner


def progress(runner: Runner) -> tuple[int, int]:
    """Epochs and iterations that are over, between two of them."""
    return runner.epoch, runner.iter


def is_due(runner: Runner) -> bool:
    """Whether the training loop would validate now."""
    loop = runner.train_loop
    if runner.val_loop is None:
        return False
    by_epoch = isinstance(loop, EpochBasedTrainLoop)
    now = runner.epoch if by_epoch else runner.iter
    last = runner.max_epochs if by_epoch else runner.max_iters
    return now >= loop.val_begin and (
        now % loop.val_interval == 0 or now == last
    )
