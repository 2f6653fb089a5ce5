# Copyright (c) gps_seg contributors. Apache-2.0.
"""Settings and rate of a method to begin with, from our own study."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from gps_seg.engine.config.source import read_config
from gps_seg.peft import METHODS
from gps_seg.peft.settings import did_you_mean


class Start(NamedTuple):
    """How a method begins on data that nobody has tuned it on.

    Args:
        method: Settings of the method, such as ``dict(type='gps', k=1)``.
        rate: Rate of the encoder, as a multiple of the rate of the head.
        tuned: Whether the rate has been tuned on other data.
    """

    method: dict[str, Any]
    rate: float
    tuned: bool


def start_of_method(name: str) -> Start:
    """The settings and the rate of a method in the study of Kvasir-SEG.

    A method that was not in the study has its default settings, and trains
    the encoder at the rate of the head.

    Args:
        name: One of :data:`gps_seg.peft.METHODS`.

    Raises:
        ValueError: If there is no such method.
    """
    if name not in METHODS:
        raise ValueError(
            f'--method: expected one of {sorted(METHODS)}, got {name!r}.'
            + did_you_mean(name, METHODS)
        )
    rates = read_config('gps_seg::_base_/rates.py').rates
    return Start(_settings(name), float(rates.get(name, 1.0)), name in rates)


def _settings(name: str) -> dict[str, Any]:
    variants = read_config('gps_seg::_base_/methods.py').variants
    changes: Mapping[str, Any] = variants.get(name, {})
    settings = dict(changes.get('custom_hooks.0.method', {'type': name}))
    settings.pop('_delete_', None)
    return settings
