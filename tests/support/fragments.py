# Copyright (c) gps_seg contributors. Apache-2.0.
"""Put what an example writes into a config of the demo, and run that."""

import copy
from collections.abc import Mapping
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

MERGED = ('default_hooks', 'optim_wrapper')


def with_fragment(config: Config, names: Mapping[str, Any]) -> Config:
    """A copy of the config with the lines of the example.

    A hook takes the place of the config's own one of the same type, as a run
    takes only one ``PeftHook``.

    Args:
        config: Config to begin with.
        names: Names that the example left.
    """
    config = copy.deepcopy(config)
    hooks = names.get('custom_hooks', [])
    types = {hook['type'] for hook in hooks}
    kept = [hook for hook in config.custom_hooks if hook.type not in types]
    config.custom_hooks = [*kept, *hooks]
    changes = {key: names[key] for key in MERGED if key in names}
    config.merge_from_dict(copy.deepcopy(changes))
    return config


def runner_of(config: Config, names: Mapping[str, Any]) -> Runner:
    """The runner of a config with the lines of the example."""
    config = with_fragment(config, names)
    config.work_dir = 'run'
    return Runner.from_cfg(config)
