# Copyright (c) gps_seg contributors. Apache-2.0.
"""Complete any config of OpenMMLab so that it trains with a ``PeftHook``.

The option ``--method`` and the base ``gps_seg::_base_/gps.py`` both use this
module. The result is like a config written by hand, and every tool can run it.
"""

from mmengine.config import Config, ConfigDict

from gps_seg.engine.metric_names import check_save_best
from gps_seg.engine.plug_in.delta_checkpoints import write_deltas
from gps_seg.engine.training.wrapper_types import type_name, use_peft_wrapper

MODULE = 'gps_seg.engine'


def plug_in(config: Config) -> None:
    """Add everything that the ``PeftHook`` of a config needs.

    This is the optim wrapper that trains the selected entries, the import of
    this package, and deltas in place of full checkpoints. All other settings
    are kept.

    Args:
        config: Config of a run; changed in place.

    Raises:
        ValueError: If the config does not have exactly one ``PeftHook``, or
            has its own runner, an optim wrapper without a counterpart here,
            or a ``save_best`` that names no metric. The message names the
            key.
    """
    peft_hook(config)
    if 'runner_type' in config:
        raise ValueError(
            'runner_type: expected none beside a PeftHook, got '
            f'{config.runner_type!r}. The hook relies on the order of events '
            "in MMEngine's Runner."
        )
    use_peft_wrapper(config)
    check_save_best(config)
    write_deltas(config)
    _import_package(config)


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


def _import_package(config: Config) -> None:
    """Import gps_seg from the config, so that any tool can run it again."""
    settings = config.get('custom_imports') or ConfigDict(imports=[])
    modules = settings.imports
    modules = [modules] if isinstance(modules, str) else list(modules)
    if MODULE not in modules:
        modules.append(MODULE)
    config.custom_imports = ConfigDict({**settings, 'imports': modules})
