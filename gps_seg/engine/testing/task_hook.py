# Copyright (c) gps_seg contributors. Apache-2.0.
"""A segmentor of MMSegmentation and a delta: base weights, then the task."""

import os

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import nn

from gps_seg.delta import Delta, apply
from gps_seg.engine.runner_model import bare_model, leave_out_averages
from gps_seg.engine.testing.task_model import build_base, tell_classes


def load_task(
    model: nn.Module,
    config: str | os.PathLike[str] | Config,
    path: str | os.PathLike[str],
) -> None:
    """Put base weights and a delta on a model of ``mmseg.apis.init_model``.

    That function builds a model without its pretrained weights, so they are
    loaded here, as the config says (``init_cfg``, ``load_from``). Classes and
    colours of the task become the model's ``dataset_meta``.

    The config is yours, not the text that the delta holds: a config is
    Python, and what is loaded must run no code.

    Args:
        model: Built from the config.
        config: Config of the model.
        path: The delta file.

    Raises:
        FileNotFoundError: If there is no such file, or none with the base's
            pretrained weights.
        ValueError: If the file is no delta or is damaged, or the config leads
            to weights that are not its base.
    """
    delta = Delta.load(path)
    if not isinstance(config, Config):
        config = Config.fromfile(config)
    _load(model, config, delta)
    tell_classes(model, delta.info.to_json())


def _load(model: nn.Module, config: Config, delta: Delta) -> None:
    base = build_base(config, delta.info.seed)
    model.load_state_dict(base.state_dict())
    apply(model, delta)


@HOOKS.register_module()
class TaskHook(Hook):
    """Test a delta: the runner's model gets its base weights and the delta.

    The base is built by the config of the runner and the seed in the delta.
    An ``EMAHook`` of the config is left out, see :func:`leave_out_averages`.

    Args:
        path: The delta file.
    """

    def __init__(self, path: str) -> None:
        self.delta = Delta.load(path)

    def before_run(self, runner: Runner) -> None:
        """Take the hooks out that would average."""
        leave_out_averages(runner)

    def before_test(self, runner: Runner) -> None:
        """Load base and delta, over whatever was loaded before."""
        _load(bare_model(runner), runner.cfg, self.delta)
