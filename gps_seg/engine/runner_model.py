# Copyright (c) gps_seg contributors. Apache-2.0.
"""The model inside a runner."""

from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn


def bare_model(runner: Runner) -> nn.Module:
    """The runner's model without the wrapper for distribution."""
    if is_model_wrapper(runner.model):
        return runner.model.module
    return runner.model
