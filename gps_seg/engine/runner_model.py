# Copyright (c) gps_seg contributors. Apache-2.0.
"""Functions with which a hook queries and changes its runner."""

from mmengine.dist import broadcast_object_list
from mmengine.hooks import EMAHook
from mmengine.model import BaseAveragedModel, is_model_wrapper
from mmengine.runner import BaseLoop, Runner
from torch import nn
from torch.nn.parallel import DistributedDataParallel


def bare_model(runner: Runner) -> nn.Module:
    """The runner's model without the wrapper of a distributed run."""
    if is_model_wrapper(runner.model):
        return runner.model.module
    return runner.model


def is_training(runner: Runner) -> bool:
    """Whether the runner trains; ``before_run`` also precedes a test."""
    return isinstance(runner._train_loop, BaseLoop)


def common_seed(runner: Runner) -> int:
    """The seed of the first process; must be called in every process.

    With ``randomness.diff_rank_seed`` every process has its own seed. A
    choice that all of them share needs a common one.
    """
    seeds = [runner.seed]
    broadcast_object_list(seeds)
    return seeds[0]


def check_wrapper(runner: Runner) -> None:
    """Raise ValueError if the wrapper of the model shards it."""
    model = runner.model
    if is_model_wrapper(model) and not isinstance(
        model, DistributedDataParallel
    ):
        raise ValueError(
            'model_wrapper_cfg: expected MMDistributedDataParallel, got '
            f'{type(model).__name__}. The selection needs whole weights, and '
            'the trained values are few enough for every process.'
        )


def leave_data_parallel(runner: Runner) -> None:
    """Let the runner train its model without DistributedDataParallel.

    The constructor of the runner wraps the model before the trained entries
    are known. The wrapper keeps a buffer for all dense gradients, as large as
    the model, and sends all of it. Our optim wrapper averages the few
    gradients that exist.
    """
    runner.model = bare_model(runner)


def leave_out_averages(runner: Runner) -> None:
    """Remove ``EMAHook`` from a test, which scores the weights of its file.

    During a test the hook would swap in a copy of the model that was made
    before the weights were loaded. Averaged weights in a file were averaged
    before they were saved.
    """
    runner._hooks = [h for h in runner.hooks if not isinstance(h, EMAHook)]


def load_after_initialisation(runner: Runner) -> None:
    """Let a training load the file again that an earlier validation loaded.

    MMEngine loads a file only once. A training initialises the model, which
    would overwrite the loaded weights.
    """
    if not getattr(bare_model(runner), 'is_init', True):
        runner._has_loaded = False


def averaged_model(runner: Runner) -> nn.Module | None:
    """The model with the averaged weights of an ``EMAHook``, if any."""
    average = average_of(runner)
    return None if average is None else average.module


def average_of(runner: Runner) -> BaseAveragedModel | None:
    """The wrapper in which an ``EMAHook`` averages weights, if any."""
    for hook in runner.hooks:
        if isinstance(hook, EMAHook):
            return hook.ema_model
    return None
