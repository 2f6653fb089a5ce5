# Copyright (c) gps_seg contributors. Apache-2.0.
"""The tuning method from the command line: ``--method gps --k 1``."""

import inspect
from collections.abc import Mapping
from typing import Any

from mmengine.config import Config, ConfigDict

from gps_seg.engine.peft_hook import PeftHook
from gps_seg.engine.plug_in import peft_hook, peft_hooks, plug_in
from gps_seg.peft import METHODS, build_from


def set_method(
    config: Config, name: str | None, options: Mapping[str, Any]
) -> None:
    """Tune by a method, whatever the config was written for.

    A config without a ``PeftHook`` gets one, and with it what
    :func:`gps_seg.engine.plug_in.plug_in` adds. One that has it keeps its
    settings; those given here replace them.

    Args:
        config: Is changed in place.
        name: One of :data:`gps_seg.peft.METHODS`; None for the config's.
        options: Settings of the ``PeftHook`` by dotted key, such as
            ``{'method.k': 1, 'max_batches': 60}``; may be empty.

    Raises:
        ValueError: If there is no method to set anything of, or the settings
            do not fit one another; the key is named.
    """
    if name is None and not options:
        return
    if not peft_hooks(config):
        if name is None:
            raise ValueError(
                f'{_written(options)}: expected a config with a PeftHook in '
                'custom_hooks, or --method, got neither. Add --method gps.'
            )
        config.custom_hooks = [
            *(config.get('custom_hooks') or []),
            ConfigDict(type='PeftHook', method=ConfigDict(type=name)),
        ]
    hook = peft_hook(config)
    if name is not None:
        _check_kept(hook.method, name, options)
        options = {**options, 'method.type': name}
    changed = Config({'hook': hook})
    changed.merge_from_dict({f'hook.{k}': v for k, v in options.items()})
    _check_settings(changed.hook)
    hook.update(changed.hook)
    if name is not None and config.get('runner_type') != 'PeftRunner':
        plug_in(config)


def _check_kept(
    method: Mapping[str, Any], name: str, options: Mapping[str, Any]
) -> None:
    """Raise ValueError if the config sets what the method does not have."""
    legal = list(inspect.signature(METHODS[name]).parameters)
    for key, value in method.items():
        replaced = f'method.{key}' in options
        if key not in ('type', *legal) and not replaced:
            raise ValueError(
                f"custom_hooks: expected a PeftHook whose method '{name}' "
                f'can take over, with settings among {legal}, got '
                f'method.{key}={value!r}. Remove method.{key} from the '
                'config, or begin with a config without a PeftHook.'
            )


def _check_settings(hook: Mapping[str, Any]) -> None:
    """Raise ValueError, in words of the command line, if they do not fit."""
    settings = {key: hook[key] for key in hook if key != '_scope_'}
    try:
        build_from(
            {'PeftHook': PeftHook},
            {**settings, 'type': 'PeftHook'},
            'custom_hooks:',
        )
    except (TypeError, ValueError) as error:
        raise ValueError(
            f'{error} (--method, --k, --peft-options, or the PeftHook of the '
            'config)'
        ) from error


def _written(options: Mapping[str, Any]) -> str:
    """The option of the command line."""
    return '--k' if list(options) == ['method.k'] else '--peft-options'
