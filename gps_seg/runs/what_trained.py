# Copyright (c) gps_seg contributors. Apache-2.0.
"""How many values a run trained, with a method of this package or without."""

from mmengine.runner import Runner

from gps_seg.engine.reporting.trained_values import (
    TrainedValues,
    count_plain,
    count_trained,
)
from gps_seg.engine.runner_model import bare_model
from gps_seg.engine.training.peft_hook import peft_hooks_of


def what_trained(runner: Runner) -> TrainedValues:
    """Count what a runner trained.

    Args:
        runner: Runner after its training.
    """
    model = bare_model(runner)
    for hook in peft_hooks_of(runner):
        if hook.trainable is not None:
            return count_trained(model, hook.method.encoder, hook.trainable)
    return count_plain(model)
