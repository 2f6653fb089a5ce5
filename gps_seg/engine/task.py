# Copyright (c) gps_seg contributors. Apache-2.0.
"""A segmentor of MMSegmentation and a delta: base weights, then the task."""

import os

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import HOOKS, init_default_scope
from mmengine.runner import Runner, load_checkpoint
from mmseg.registry import MODELS
from torch import nn

from gps_seg.delta import Delta, apply
from gps_seg.engine.runner_model import bare_model


def build_base(config: Config) -> nn.Module:
    """The model of a config with the weights that its training began with.

    Raises:
        FileNotFoundError: If there is no file of the pretrained weights.
    """
    init_default_scope(config.get('default_scope', 'mmseg'))
    model: nn.Module = MODELS.build(config.model)
    model.init_weights()
    if config.get('load_from'):
        load_checkpoint(model, config.load_from, map_location='cpu')
    return model


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
        config: Of the model.
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
    model.load_state_dict(build_base(config).state_dict())
    apply(model, delta)
    model.dataset_meta = {
        'classes': list(delta.info.classes),
        'palette': [list(colour) for colour in delta.info.palette],
    }


@HOOKS.register_module()
class TaskHook(Hook):
    """Test a delta: the runner's model gets its base weights and the delta.

    Args:
        path: The delta file.
    """

    def __init__(self, path: str) -> None:
        self.delta = Delta.load(path)

    def before_run(self, runner: Runner) -> None:
        """Initialise the model; a ``load_from`` is loaded after that."""
        bare_model(runner).init_weights()

    def before_test(self, runner: Runner) -> None:
        """Put the delta on, when the base's weights are there."""
        apply(bare_model(runner), self.delta)
