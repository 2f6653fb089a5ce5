# Copyright (c) gps_seg contributors. Apache-2.0.
"""Settings and rate of a method to begin with, from our own study."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from gps_seg.engine.config.source import read_config
from gps_seg.peft import METHODS
from gps_seg.peft.settings import did_you_mean

#: Settings of a ``PeftHook`` in the config of a study begin so.
_HOOK = 'custom_hooks.0.'


class Start(NamedTuple):
    """How a method begins on data that nobody has tuned it on.

    Args:
        name: Name of the method.
        hook: Settings of the ``PeftHook``: ``method``, and perhaps ``loss``.
        rate: Rate of the encoder, as a multiple of the rate of the head.
        tuned: Whether the rate has been tuned on other data.
    """

    name: str
    hook: Mapping[str, Any]
    rate: float
    tuned: bool


def start_of_method(name: str) -> Start:
    """The settings and the rate of a method in the study of Kvasir-SEG.

    A method that was not in the study has its default settings, and trains
    the encoder at the rate of the head.

    Args:
        name: A variant of the study, such as ``'gps decrement'``, or one of
            :data:`gps_seg.peft.METHODS`.

    Raises:
        ValueError: If there is no such method.
    """
    studied = read_config('gps_seg::_base_/methods.py').variants
    known = sorted({*METHODS, *studied})
    if name not in known:
        raise ValueError(
            f'--method: expected one of {known}, got {name!r}.'
            + did_you_mean(name, known)
        )
    rates = read_config('gps_seg::_base_/rates.py').rates
    hook = _hook(studied[name]) if name in studied else {}
    return Start(
        name,
        hook or {'method': {'type': name}},
        float(rates.get(name, 1.0)),
        tuned=name in rates,
    )


def _hook(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of the ``PeftHook`` in the changes of a variant."""
    hook = {}
    for key, value in changes.items():
        settings = dict(value)
        settings.pop('_delete_', None)
        hook[key.removeprefix(_HOOK)] = settings
    return hook
