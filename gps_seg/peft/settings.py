# Copyright (c) gps_seg contributors. Apache-2.0.
"""Build objects from settings such as ``dict(type='gps', k=1)``."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from inspect import Parameter
from typing import Any, TypeVar

T = TypeVar('T')

_OF_ANY_NAME = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


def build_from(
    table: Mapping[str, Callable[..., T]],
    config: Mapping[str, Any],
    what: str,
    default: str | None = None,
) -> T:
    """Build an object of the type in ``config`` from the other keys.

    Args:
        table: Class of each type.
        config: Type and settings.
        what: Name of the object for messages: ``'method'``.
        default: Type for a ``config`` without one; None if it must have one.

    Raises:
        ValueError: If the type or a key is unknown, or a key is missing; the
            legal choices are listed.
    """
    if not isinstance(config, Mapping):
        raise ValueError(
            f'{what}: expected dict(type=...) with a type among '
            f'{sorted(table)}, got {config!r}.'
        )
    settings = dict(config)
    name = settings.pop('type', default)
    if name not in table:
        raise ValueError(
            f'{what}: expected a type among {sorted(table)}, got {name!r}.'
            + did_you_mean(name, table)
        )
    check_keys(table[name], settings, f"{what} '{name}'")
    return table[name](**settings)


def check_keys(
    callee: Callable[..., Any], settings: Mapping[str, Any], what: str
) -> None:
    """Raise ValueError if a key is unknown or missing.

    Args:
        callee: Class or function that takes the settings.
        settings: Keyword arguments for it.
        what: Name of the settings for messages: ``"method 'gps'"``.
    """
    parameters = {
        key: parameter
        for key, parameter in inspect.signature(callee).parameters.items()
        if parameter.kind not in _OF_ANY_NAME
    }
    unknown = sorted(settings.keys() - parameters.keys())
    if unknown:
        raise ValueError(
            f'{what}: expected keys among {list(parameters)}, got {unknown}.'
            + did_you_mean(unknown[0], parameters)
        )
    missing = [
        key
        for key, parameter in parameters.items()
        if parameter.default is parameter.empty and key not in settings
    ]
    if missing:
        raise ValueError(
            f'{what}: expected a value for {missing}, got none.'
            + _where_to_add(missing[0], what)
        )


def did_you_mean(given: Any, legal: Iterable[str]) -> str:
    """The legal name that is like a wrong one, as a question, or nothing.

    Example:
        >>> did_you_mean('bitfitt', ['bias', 'bitfit'])
        " Did you mean 'bitfit'?"
    """
    close = get_close_matches(str(given), list(legal), 1)
    return f' Did you mean {close[0]!r}?' if close else ''


def _where_to_add(key: str, what: str) -> str:
    """Advice if the settings belong to a ``PeftHook``, else an empty text."""
    section = what.split()[0]
    if not section.isidentifier():
        return ''
    return (
        f' Add {key}=... to its dict (tools/train.py: --peft-options '
        f'{section}.{key}=...).'
    )
