# Copyright (c) gps_seg contributors. Apache-2.0.
"""The part of a config that is published."""

import re
from collections.abc import Mapping
from pprint import pformat
from typing import Any

from gps_seg.engine.config.inference import (
    PLACES,
    is_catalogued,
    needed,
)
from gps_seg.engine.config.text import config_from_text, values_from_text

# An absolute path (also of Windows), a path from a home or parent folder, or
# an address.
_ELSEWHERE = re.compile(r'[/\\~]|[A-Za-z]:[/\\]|\S+://|(.*[/\\])?\.\.[/\\]')
_SEPARATOR = re.compile(r'[/\\]')
_QUERY = re.compile(r'[?#].*')


def published(text: str) -> str:
    """Reduce a config to the part that users of the delta need.

    That is the model, the test pipeline and the kind of the data sets.
    Absolute paths and addresses are cut to their last part, because they
    identify the author's machine and are useless on another.

    Args:
        text: Text of a config, as returned by ``pretty_text``.

    Raises:
        ValueError: If it cannot be read as data.
    """
    kept = _without_places(needed(values_from_text(text)))
    # pretty_text would not escape quotes in names, and takes minutes for long
    # lists.
    rendered = ''.join(
        f'{name} = {pformat(value, compact=True, sort_dicts=False)}\n'
        for name, value in kept.items()
    )
    config_from_text(rendered)  # raises unless users can read it as data
    return rendered


def _without_places(value: Any, key: Any = None) -> Any:
    if isinstance(value, Mapping):
        return {n: _without_places(item, n) for n, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_without_places(item, key) for item in value)
    if key in PLACES and isinstance(value, str):
        return last_part(value)
    return value


def last_part(place: str) -> str:
    """The last part of an absolute path; a relative path is unchanged.

    Example:
        >>> last_part('/home/alice/polyps/'), last_part('data/polyps')
        ('polyps', 'data/polyps')
        >>> last_part('https://example.org/vit.pth?key=1')
        'vit.pth'
        >>> last_part('weights://vit')
        'weights://vit'
    """
    if is_catalogued(place) or not _ELSEWHERE.match(place):
        return place
    parts = _SEPARATOR.split(_QUERY.sub('', place))
    return next((part for part in reversed(parts) if part), '')
