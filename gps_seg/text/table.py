# Copyright (c) gps_seg contributors. Apache-2.0.
"""Tables as plain text."""

from collections.abc import Sequence
from typing import Any

from gps_seg.text.cells import cell_text, is_numeric, width


def aligned(rows: Sequence[Sequence[Any]]) -> str:
    """A plain table; numbers are aligned on the right, words on the left.

    Args:
        rows: Head of the table, then its rows; all of the same length.

    Example:
        >>> rows = [('kind', 'entries', 'share'), ('attn.qkv', 1024, '2.5 %')]
        >>> print(aligned(rows))
        kind      entries  share
        attn.qkv    1,024  2.5 %
    """
    columns = [
        _padded([cell_text(value) for value in column])
        for column in zip(*rows, strict=True)
    ]
    lines = zip(*columns, strict=True)
    return '\n'.join('  '.join(line).rstrip() for line in lines)


def _padded(column: Sequence[str]) -> list[str]:
    """The cells of a column and its head, padded to the same width."""
    widest = max(map(width, column))
    gaps = [' ' * (widest - width(text)) for text in column]
    if is_numeric(column[1:]):
        return [gap + text for gap, text in zip(gaps, column, strict=True)]
    return [text + gap for gap, text in zip(gaps, column, strict=True)]
