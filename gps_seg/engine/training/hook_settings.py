# Copyright (c) gps_seg contributors. Apache-2.0.
"""The settings of the ``PeftHook`` in a config."""

from mmengine.config import Config, ConfigDict

from gps_seg.engine.training.wrapper_types import type_name


def peft_hooks(config: Config) -> list[ConfigDict]:
    """The settings of every ``PeftHook`` among the custom hooks."""
    return [
        hook
        for hook in config.get('custom_hooks') or []
        if isinstance(hook, dict) and type_name(hook) == 'PeftHook'
    ]


def peft_hook(config: Config) -> ConfigDict:
    """The settings of the config's one ``PeftHook``.

    Raises:
        ValueError: If there is none, or more than one.
    """
    hooks = peft_hooks(config)
    if len(hooks) != 1:
        raise ValueError(
            f'custom_hooks: expected one PeftHook, got {len(hooks)}. The list '
            'of a config replaces that of its bases: list all hooks in it, '
            "including dict(type='PeftHook', method=dict(type='gps', k=1))."
        )
    return hooks[0]
