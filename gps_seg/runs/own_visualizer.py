# Copyright (c) gps_seg contributors. Apache-2.0.
"""Several runs in one process, each of which logs into its own folder."""

import copy

from mmengine.config import Config


def with_own_visualizer(config: Config) -> Config:
    """A copy of a config whose visualizer is that of its work directory.

    Visualizers are singletons by name. With one name, all runs of a process
    would log into the folder of the first run.

    Args:
        config: Config with a work directory.
    """
    own = copy.deepcopy(config)
    if own.get('visualizer') is not None:
        own.visualizer.name = own.work_dir
    return own
