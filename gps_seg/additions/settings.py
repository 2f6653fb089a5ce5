# Copyright (c) gps_seg contributors. Apache-2.0.
"""Check the settings of an addition against the annotations of its class.

Settings may come from a stranger's file. A value of the wrong type would only
show in the forward pass, or when the values are folded.
"""

import math
import types
from collections.abc import Mapping, Sequence
from typing import (
    Any,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)


def check_settings(
    callee: type, settings: Mapping[str, Any], *, given: str = ''
) -> None:
    """Raise ValueError if a setting is unknown or has the wrong type.

    Numbers must be finite. What has no value is left to the class.

    Args:
        callee: Class that takes the settings, with annotations.
        settings: Plain values, as they are in a file.
        given: Argument that is no setting.

    Example:
        >>> class Scale:
        ...     def __init__(self, factor: float) -> None: ...
        >>> check_settings(Scale, {'factor': 2})
        >>> check_settings(Scale, {'factor': 'x'})
        Traceback (most recent call last):
        ValueError: factor: expected float, got 'x'.
    """
    hints = get_type_hints(callee.__init__)  # type: ignore[misc]
    legal = {n: h for n, h in hints.items() if n not in ('return', given)}
    for name, value in settings.items():
        if name not in legal:
            raise ValueError(
                f'settings: expected some of {list(legal)}, got {name!r:.80}.'
            )
        if not _is_of(value, legal[name]):
            raise ValueError(
                f'{name}: expected {_spelled(legal[name])}, got {value!r:.80}.'
            )


def _is_of(value: Any, hint: Any) -> bool:
    """Whether a value from a file is of an annotated type."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin in (types.UnionType, Union):
        return any(_is_of(value, one) for one in inner)
    if is_typeddict(hint):
        parts = get_type_hints(hint)
        return (
            isinstance(value, Mapping)
            and value.keys() == parts.keys()
            and all(_is_of(value[name], parts[name]) for name in parts)
        )
    if origin is tuple:
        return _is_list(value, len(inner)) and all(map(_is_of, value, inner))
    if origin is Sequence:
        return _is_list(value) and all(_is_of(one, *inner) for one in value)
    if origin is Mapping:
        return isinstance(value, Mapping)
    return _is_plain(value, hint)


def _is_list(value: Any, length: int | None = None) -> bool:
    return isinstance(value, list | tuple) and length in (None, len(value))


def _is_plain(value: Any, hint: type) -> bool:
    if hint is float:
        return type(value) in (int, float) and _is_finite(value)
    return type(value) is hint


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that no float can hold
        return False


def _spelled(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) else str(hint)
