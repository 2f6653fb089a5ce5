# Copyright (c) gps_seg contributors. Apache-2.0.
"""The file of weights that a config begins with."""

from mmengine.config import Config


def start_of(config: Config) -> str | None:
    """``load_from`` of a config, if it names weights to begin with.

    With ``resume=True`` it names the state of a stopped run instead.
    """
    return None if config.get('resume') else config.get('load_from')
