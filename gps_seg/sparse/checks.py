# Copyright (c) gps_seg contributors. Apache-2.0.
"""Checks of settings; the errors name the key.

Example:
    >>> check_whole('k', 0, least=1)
    Traceback (most recent call last):
    ValueError: k: expected k >= 1, got 0.
"""

import math
from collections.abc import Iterable
from typing import Any

from torch import nn


def check_whole(key: str, value: Any, *, least: int) -> None:
    """Raise TypeError unless ``value`` is an integer, ValueError if below."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f'{key}: expected an int, got {value!r}.')
    if value < least:
        raise ValueError(f'{key}: expected {key} >= {least}, got {value}.')


def check_share(key: str, value: Any) -> None:
    """Raise unless ``value`` is a number in (0, 1]."""
    _check_real(key, value)
    if not 0 < value <= 1:
        raise ValueError(f'{key}: expected a number in (0, 1], got {value!r}.')


def check_positive(key: str, value: Any, *, or_zero: bool = False) -> None:
    """Raise unless ``value`` is above 0 and finite, or 0 if allowed."""
    _check_real(key, value)
    if not (0 < value < math.inf or (or_zero and value == 0)):
        bound = 'of 0 or more' if or_zero else 'above 0'
        raise ValueError(f'{key}: expected a number {bound}, got {value!r}.')


def check_flag(key: str, value: Any) -> None:
    """Raise TypeError unless ``value`` is True or False."""
    if not isinstance(value, bool):
        raise TypeError(f'{key}: expected True or False, got {value!r}.')


def check_rate(key: str, value: Any) -> None:
    """Raise unless ``value`` is a number in [0, 1), such as of dropout."""
    _check_real(key, value)
    if not 0 <= value < 1:
        raise ValueError(f'{key}: expected a number in [0, 1), got {value!r}.')


def check_child(model: nn.Module, name: str) -> None:
    """Raise ValueError unless ``model`` has the submodule ``name``."""
    if name not in dict(model.named_modules()):
        children = [child for child, _ in model.named_children()]
        raise ValueError(
            f"encoder: expected a submodule of the model, got '{name}'. "
            f'Its children are {children}.'
        )


def check_among(key: str, value: Any, choices: Iterable[str]) -> None:
    """Raise ValueError unless ``value`` is one of the choices."""
    if value not in (legal := sorted(choices)):
        raise ValueError(f'{key}: expected one of {legal}, got {value!r}.')


def _check_real(key: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f'{key}: expected a number, got {value!r}.')
