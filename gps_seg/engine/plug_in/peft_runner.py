# Copyright (c) gps_seg contributors. Apache-2.0.
"""The runner behind ``_base_ = ['yours.py', 'gps_seg::_base_/gps.py']``.

MMEngine refuses a key that two bases set, so the second base cannot replace
the optim wrapper of the first. Instead it sets ``runner_type``, which no
config of MMSegmentation or MMPretrain does, and the runner adds the rest.
"""

import copy
from typing import Self

from mmengine.config import Config
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from gps_seg.engine.plug_in.completion import plug_in


@RUNNERS.register_module()
class PeftRunner(Runner):
    """MMEngine's runner of a config that :func:`plug_in` has completed.

    Example::

        config = Config.fromfile('your_config_with_gps.py')
        runner = PeftRunner.from_cfg(config)
        runner.train()
    """

    @classmethod
    def from_cfg(cls, cfg: Config) -> Self:
        """Build the runner; it saves the completed config."""
        config = copy.deepcopy(cfg)
        config.pop('runner_type', None)
        plug_in(config)
        return super().from_cfg(config)
