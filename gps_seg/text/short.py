# Copyright (c) gps_seg contributors. Apache-2.0.
"""Short forms: large counts, and methods with their settings."""

import textwrap
from collections.abc import Mapping
from typing import Any

from gps_seg.text.printable import on_one_line

_WIDTH = 60  # letters of a method between other facts


def short_count(number: int) -> str:
    """A count with all its digits, or in millions if it is that large.

    Example:
        >>> short_count(41_856), short_count(21_340_000)
        ('41,856', '21.3 M')
    """
    if number < 1_000_000:
        return f'{number:,}'
    return f'{number / 1e6:,.1f} M'


def method_text(method: Mapping[str, Any]) -> str:
    """A method and its settings on one line; empty if unknown.

    Example:
        >>> method_text({'type': 'gps', 'k': 1, 'score': 'random'})
        'gps k=1 score=random'
    """
    settings = [f'{n}={v}' for n, v in method.items() if n != 'type']
    return on_one_line(' '.join([str(method.get('type', '')), *settings]))


def short_method_text(method: Mapping[str, Any]) -> str:
    """The same, cut to what fits between other facts."""
    return textwrap.shorten(method_text(method), _WIDTH, placeholder=' ...')
