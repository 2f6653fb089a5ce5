# Copyright (c) gps_seg contributors. Apache-2.0.
"""Optim wrappers by name, and the siblings that replace them.

A sibling takes the same settings as the wrapper that a config names, so only
the name is replaced. Clipping, accumulation, parameter-wise rates, the
constructor and the settings of mixed precision stay.
"""

from collections.abc import Mapping
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.registry import OPTIM_WRAPPERS

from gps_seg.engine.training.optim_wrapper import TrainsSelected

#: Wrapper of MMEngine -> its sibling that trains what a ``PeftHook`` declares.
PEFT_SIBLINGS = {
    'OptimWrapper': 'PeftOptimWrapper',
    'AmpOptimWrapper': 'AmpPeftOptimWrapper',
}
#: Wrapper -> its sibling in mixed precision.
AMP_SIBLINGS = {
    'OptimWrapper': 'AmpOptimWrapper',
    'PeftOptimWrapper': 'AmpPeftOptimWrapper',
}


def type_name(settings: ConfigDict, default: str | None = None) -> str | None:
    """Name of a component's ``type``, without its scope.

    A config may contain the name (``'PeftHook'``), the name with its scope
    (``'mmengine.PeftHook'``), or the class.

    Args:
        settings: Settings of the component.
        default: Type of settings without one.
    """
    kind: Any = settings.get('type', default)
    if isinstance(kind, str):
        return kind.rpartition('.')[2]
    return getattr(kind, '__name__', kind)


def trains_selected(settings: Mapping[str, Any]) -> bool:
    """Whether settings belong to a wrapper that works with a ``PeftHook``."""
    kind = settings.get('type', 'OptimWrapper')
    if isinstance(kind, str):
        kind = OPTIM_WRAPPERS.get(kind)
    return isinstance(kind, type) and issubclass(kind, TrainsSelected)


def wrong_wrapper(name: str | None) -> ValueError:
    """The error for a wrapper that would train frozen entries."""
    return ValueError(
        f'optim_wrapper.type: expected {" or ".join(PEFT_SIBLINGS.values())} '
        f'beside a PeftHook, got {name}, which would train every entry. '
        'Replace the type; the other settings can stay.'
    )


def use_peft_wrapper(config: Config) -> None:
    """Replace the optim wrapper by its sibling for a ``PeftHook``, in place.

    Raises:
        ValueError: If the config has no optim wrapper, or one of a type
            without a sibling.
    """
    _replace(config, PEFT_SIBLINGS, 'a PeftHook')


def enable_amp(config: Config) -> None:
    """Replace the optim wrapper by its mixed-precision sibling, in place.

    Raises:
        ValueError: See :func:`use_peft_wrapper`.
    """
    _replace(config, AMP_SIBLINGS, '--amp')


def _replace(config: Config, siblings: dict[str, str], whom: str) -> None:
    settings = config.get('optim_wrapper')
    if not settings:
        raise ValueError(
            'optim_wrapper: expected the settings of an optimizer in the '
            f'config, got none ({whom} needs one). Add optim_wrapper.'
        )
    name = type_name(settings, 'OptimWrapper')
    if name in siblings.values():
        return
    if name not in siblings:
        raise ValueError(
            f'optim_wrapper.type: expected one of {list(siblings)} for '
            f"{whom}, got '{name}'. Use one of these."
        )
    settings.type = siblings[name]
