# Copyright (c) gps_seg contributors. Apache-2.0.
"""Set the tuning method from the command line: ``--method gps --k 1``."""

import inspect
import logging
from collections.abc import Mapping
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.logging import print_log

from gps_seg.engine import DeltaHook, PeftHook, ReportHook
from gps_seg.engine.plug_in.completion import plug_in
from gps_seg.engine.training.hook_settings import peft_hook, peft_hooks
from gps_seg.engine.training.wrapper_types import type_name
from gps_seg.peft import METHODS
from gps_seg.peft.settings import build_from, check_keys, did_you_mean

#: Hooks besides the ``PeftHook`` whose keys are checked before they are built.
_KEYS_CHECKED = {'DeltaHook': DeltaHook, 'ReportHook': ReportHook}


def set_method(
    config: Config, name: str | None, options: Mapping[str, Any]
) -> None:
    """Let any config tune by a method.

    Besides what :func:`set_hook` does, the config gets everything that
    :func:`gps_seg.engine.plug_in.completion.plug_in` adds.

    Args:
        config: Config of a training; changed in place.
        name: See :func:`set_hook`.
        options: See :func:`set_hook`.

    Raises:
        ValueError: See :func:`set_hook`, or if the config lacks something
            that a training needs.
    """
    set_hook(config, name, options)
    if name is not None and config.get('runner_type') != 'PeftRunner':
        plug_in(config)


def set_hook(
    config: Config, name: str | None, options: Mapping[str, Any]
) -> None:
    """Set the method and the settings of the ``PeftHook`` of a config.

    A config without one gets one. An existing one keeps its settings, except
    for those given here. Settings that the new method does not have are
    removed with a warning.

    Args:
        config: Config with a model; changed in place.
        name: One of :data:`gps_seg.peft.METHODS`; None for the config's.
        options: Settings of the ``PeftHook`` by dotted key, such as
            ``{'method.k': 1, 'max_batches': 60}``; may be empty.

    Raises:
        ValueError: If there are settings but no method, or the settings do
            not fit each other. The message names the key.
    """
    if name is None and not options:
        return
    if name is not None and name not in METHODS:
        raise ValueError(
            f'--method: expected one of {sorted(METHODS)}, got {name!r}.'
            + did_you_mean(name, METHODS)
        )
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
    _check_is_mapping(hook)
    if name is not None:
        _drop_foreign(hook.method, name, options)
        options = {**options, 'method.type': name}
    changed = Config({'hook': hook})
    changed.merge_from_dict({f'hook.{k}': v for k, v in options.items()})
    _check_settings(changed.hook)
    hook.update(changed.hook)


def _check_is_mapping(hook: ConfigDict) -> None:
    """Raise ValueError unless the hook's method has settings to change."""
    method = hook.setdefault('method', ConfigDict())
    if not isinstance(method, Mapping):
        raise ValueError(
            "custom_hooks: expected method=dict(type='gps', ...) of the "
            f'PeftHook, got {method!r}.'
        )


def _drop_foreign(
    method: ConfigDict, name: str, options: Mapping[str, Any]
) -> None:
    """Remove settings that only the old method has, with a warning."""
    own = METHODS.get(method.get('type'))
    if own is None or method.type == name:
        return
    taken, had = (
        inspect.signature(kind).parameters for kind in (METHODS[name], own)
    )
    foreign = [
        key
        for key in method
        if key in had and key not in taken and f'method.{key}' not in options
    ]
    if foreign:
        given = ', '.join(f'method.{key}={method.pop(key)}' for key in foreign)
        print_log(
            f"--method {name}: {given} of the config ignored: '{name}' has "
            'no such setting.',
            logger='current',
            level=logging.WARNING,
        )


def check_hooks(config: Config) -> None:
    """Check the settings of the hooks of this package in a config.

    Raises:
        ValueError: If a key is unknown or missing, or a value of a
            ``PeftHook`` is wrong.
    """
    for hook in peft_hooks(config):
        _check_settings(hook)
    named = {
        **(config.get('default_hooks') or {}),
        'custom_hooks': config.get('custom_hooks') or [],
    }
    for key, value in named.items():
        where = key if key == 'custom_hooks' else f'default_hooks.{key}'
        for hook in value if isinstance(value, list) else [value]:
            kind = _KEYS_CHECKED.get(_type_of(hook))
            if kind is not None:
                check_keys(kind, _settings(hook), f'{where} {kind.__name__}')


def _type_of(hook: Any) -> str | None:
    return type_name(hook) if isinstance(hook, dict) else None


def _settings(hook: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of the hook's constructor."""
    own = ('type', 'priority', '_scope_')
    return {key: hook[key] for key in hook if key not in own}


def _check_settings(hook: Mapping[str, Any]) -> None:
    """Raise ValueError, with the options, if settings do not fit."""
    try:
        build_from(
            {'PeftHook': PeftHook},
            {**_settings(hook), 'type': 'PeftHook'},
            'custom_hooks:',
        )
    except (TypeError, ValueError) as error:
        raise ValueError(
            f'{error} (--method, --k, --peft-options, or the PeftHook of the '
            'config)'
        ) from error


def _written(options: Mapping[str, Any]) -> str:
    """Name of the option on the command line."""
    return '--k' if list(options) == ['method.k'] else '--peft-options'
