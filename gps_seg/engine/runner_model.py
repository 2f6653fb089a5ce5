# Copyright (c) gps_seg contributors. Apache-2.0.
"""What a hook asks of a runner."""

from mmengine.model import is_model_wrapper
from mmengine.runner import BaseLoop, Runner
from torch import nn


def bare_model(runner: Runner) -> nn.Module:
    """The runner's model without the wrapper for distribution."""
    if is_model_wrapper(runner.model):
        return runner.model.module
    return runner.model


def is_training(runner: Runner) -> bool:
    """Whether the runner trains; ``before_run`` also comes before a test."""
    return isinstance(runner._train_loop, BaseLoop)
