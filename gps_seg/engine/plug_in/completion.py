# Copyright (c) gps_seg contributors. Apache-2.0.
"""Make any config of OpenMMLab one that trains by a ``PeftHook``.

One code for two ways to ask for it: ``--method`` on the command line, and
``gps_seg::_base_/gps.py`` among the bases of a config. What comes out is a
config like one written by hand, which every tool can run.
"""

from mmengine.config import Config, ConfigDict

from gps_seg.engine.metric_names import check_save_best
from gps_seg.engine.plug_in.delta_checkpoints import write_deltas
from gps_seg.engine.training.wrapper_types import type_name, use_peft_wrapper

MODULE = 'gps_seg.engine'


def plug_in(config: Config) -> None:
    """Give a config with a ``PeftHook`` all else that the hook needs.

    That is the optim wrapper that trains what the hook declares, the import
    of this package, and deltas in place of full checkpoints. Every other
    setting stays as it is.

    Args:
        config: Is changed in place.

    Raises:
        ValueError: If the config has not exactly one ``PeftHook``, a runner
            of its own, an optim wrapper without a sibling, or a
            ``save_best`` that names no metric; the key is named.
    """
    peft_hook(config)
    if 'runner_type' in config:
        raise ValueError(
            'runner_type: expected none beside a PeftHook, got '
            f'{config.runner_type!r}. Its hooks follow the order of events of '
            "MMEngine's Runner."
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
            'of a config replaces that of its bases: write all hooks into it, '
            "among them dict(type='PeftHook', method=dict(type='gps', k=1))."
        )
    return hooks[0]


def _import_package(config: Config) -> None:
    """So that a tool which knows nothing of us can run the config again."""
    settings = config.get('custom_imports') or ConfigDict(imports=[])
    modules = settings.imports
    modules = [modules] if isinstance(modules, str) else list(modules)
    if MODULE not in modules:
        modules.append(MODULE)
    config.custom_imports = ConfigDict({**settings, 'imports': modules})
