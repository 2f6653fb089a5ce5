# Copyright (c) gps_seg contributors. Apache-2.0.
"""Read JSON from an unknown file: no repeated keys, limited nesting."""

import json
from collections import Counter
from typing import Any

#: Largest nesting depth of lists and objects. Code that walks through a value,
#: such as ``json.dumps`` with an indent, needs several nested calls per level.
MAX_DEPTH = 64


def read_json(text: str) -> Any:
    """Parse a text.

    Raises:
        ValueError: If it is not JSON, has a key twice in one object, or is
            nested more than ``MAX_DEPTH`` deep.
    """
    try:
        content = json.loads(text, object_pairs_hook=_without_repetition)
    except (ValueError, RecursionError) as error:
        raise ValueError(f'expected JSON, got {error}') from error
    if is_too_deep(content):
        raise ValueError(
            f'expected JSON of at most {MAX_DEPTH} levels, got more'
        )
    return content


def is_too_deep(value: object) -> bool:
    """Whether a value is nested more than ``MAX_DEPTH`` deep."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in _parts(outer)]
        if not level:
            return False
    return True


def _parts(value: object) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple) else []


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        (name, _), *_ = (Counter(name for name, _ in pairs)).most_common(1)
        raise ValueError(f'the key {name!r} more than once')
    return content
