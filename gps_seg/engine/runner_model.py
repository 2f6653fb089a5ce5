# Copyright (c) gps_seg contributors. Apache-2.0.
"""What a hook asks of a runner."""

from mmengine.dist import broadcast_object_list
from mmengine.hooks import EMAHook
from mmengine.model import is_model_wrapper
from mmengine.runner import BaseLoop, Runner
from torch import nn
from torch.nn.parallel import DistributedDataParallel


def bare_model(runner: Runner) -> nn.Module:
    """The runner's model without the wrapper for distribution."""
    if is_model_wrapper(runner.model):
        return runner.model.module
    return runner.model


def is_training(runner: Runner) -> bool:
    """Whether the runner trains; ``before_run`` also comes before a test."""
    return isinstance(runner._train_loop, BaseLoop)


def common_seed(runner: Runner) -> int:
    """The seed of the first process; all of them must ask.

    With ``randomness.diff_rank_seed`` the seed of a runner is another one in
    each process, and what they must agree on cannot be seeded by it.
    """
    seeds = [runner.seed]
    broadcast_object_list(seeds)
    return seeds[0]


def check_wrapper(runner: Runner) -> None:
    """Raise ValueError if the model is wrapped in a way that splits it."""
    model = runner.model
    if is_model_wrapper(model) and not isinstance(
        model, DistributedDataParallel
    ):
        raise ValueError(
            'model_wrapper_cfg: expected MMDistributedDataParallel, got '
            f'{type(model).__name__}. Entries are selected in whole weights, '
            'and what trains is small enough for every process.'
        )


def leave_data_parallel(runner: Runner) -> None:
    """Let the runner train its model without DistributedDataParallel.

    The model was wrapped in the constructor of the runner, before anyone knew
    what trains. The wrapper holds a buffer as large as the model for the
    dense gradients that it expects, and would send all of it. The optim
    wrapper averages the few gradients that there are by itself.
    """
    runner.model = bare_model(runner)


def leave_out_averages(runner: Runner) -> None:
    """Let a run that only tests score the weights that it is given.

    An ``EMAHook`` puts a copy of the model in for the time of a test, which
    it made before the weights were loaded. Weights in a file are finished:
    an average among them was taken when they were saved.
    """
    runner._hooks = [h for h in runner.hooks if not isinstance(h, EMAHook)]


def load_after_initialisation(runner: Runner) -> None:
    """Let a training load anew what a validation before it has loaded.

    MMEngine loads a file once, and initialises the model when it trains: what
    was loaded before would be drawn over.
    """
    if not getattr(bare_model(runner), 'is_init', True):
        runner._has_loaded = False


def averaged_model(runner: Runner) -> nn.Module | None:
    """The model with the averaged weights of an ``EMAHook``, if there is."""
    for hook in runner.hooks:
        if isinstance(hook, EMAHook):
            model: nn.Module = hook.ema_model.module
            return model
    return None
