# Copyright (c) gps_seg contributors. Apache-2.0.
"""What ``_base_ = ['your_config.py', 'gps_seg::_base_/gps.py']`` stands on.

MMEngine refuses a key that two bases set, so the second base cannot replace
the optim wrapper of the first. It names a runner instead, which no config of
MMSegmentation or MMPretrain does, and the runner puts the rest in.
"""

import copy
from typing import Self

from mmengine.config import Config
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from gps_seg.engine.plug_in.completion import plug_in


@RUNNERS.register_module()
class PeftRunner(Runner):
    """MMEngine's runner, of a config that :func:`plug_in` completes."""

    @classmethod
    def from_cfg(cls, cfg: Config) -> Self:
        """As the base class; the config that is dumped is the complete one."""
        config = copy.deepcopy(cfg)
        config.pop('runner_type', None)
        plug_in(config)
        return super().from_cfg(config)
