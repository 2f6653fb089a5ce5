# Copyright (c) gps_seg contributors. Apache-2.0.
"""Plain values as Python code that a person would write."""

from collections.abc import Iterable, Mapping
from typing import Any

#: Letters of a line.
WIDTH = 79
_STEP = 4


def assignment(name: str, value: Any) -> str:
    """An assignment; lists and dictionaries are wrapped where need be.

    Args:
        name: Name of the variable.
        value: Numbers, words, and lists, tuples and dictionaries of them. The
            keys of a dictionary are identifiers.

    Example:
        >>> print(assignment('hook', dict(type='PeftHook', method=dict(k=1))))
        hook = dict(type='PeftHook', method=dict(k=1))
    """
    return f'{name} = {_code(value, 0, len(name) + 3)}'


def _code(value: Any, indent: int, before: int, after: int = 0) -> str:
    """The code of a value.

    Args:
        value: Value to write.
        indent: Spaces in front of the line.
        before: Letters of the line in front of the value, with the indent.
        after: Letters of the line behind it.
    """
    if not isinstance(value, Mapping | list | tuple):
        return repr(value)
    opening, closing = _brackets(value)
    one_line = opening + ', '.join(_items(value, 0)) + closing
    if isinstance(value, tuple) and len(value) == 1:
        one_line = f'({value[0]!r},)'
    if '\n' not in one_line and before + len(one_line) + after <= WIDTH:
        return one_line
    spaces = ' ' * (indent + _STEP)
    lines = (f'{spaces}{item},\n' for item in _items(value, indent + _STEP))
    return f'{opening}\n{"".join(lines)}{" " * indent}{closing}'


def _brackets(value: Any) -> tuple[str, str]:
    if isinstance(value, Mapping):
        return 'dict(', ')'
    return ('[', ']') if isinstance(value, list) else ('(', ')')


def _items(value: Any, indent: int) -> Iterable[str]:
    """The code of each item; a comma follows it."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            before = indent + len(key) + 1
            yield f'{key}={_code(item, indent, before, after=1)}'
    else:
        for item in value:
            yield _code(item, indent, indent, after=1)
