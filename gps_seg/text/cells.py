# Copyright (c) gps_seg contributors. Apache-2.0.
"""Cells of plain and Markdown tables: text, width, alignment.

tabulate or prettytable would do most of this. But gps_seg.sparse and
gps_seg.delta print tables and need only PyTorch, and neither library escapes
characters that control a terminal.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from gps_seg.text.printable import on_one_line

# A number, possibly emphasised; a unit or anything else may follow.
_NUMBER = re.compile(r'[*`(]*[-+]?\d')
_MISSING = ('', '-', 'nan', 'inf')


def cell_text(value: Any) -> str:
    r"""A value as one line of text; whole numbers get thousands separators.

    Example:
        >>> cell_text(41856), cell_text(0.5), cell_text('a\nb')
        ('41,856', '0.5', 'a\\nb')
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return f'{value:,}'
    return on_one_line(str(value))


def is_numeric(column: Sequence[str]) -> bool:
    """Whether a column has only numbers and is aligned on the right.

    Example:
        >>> is_numeric(['41,856', '24.4 %', '-']), is_numeric(['1', 'all'])
        (True, False)
    """
    return len(column) > 0 and all(
        text in _MISSING or _NUMBER.match(text) is not None for text in column
    )


def width(text: str) -> int:
    r"""Width of a text in columns of a terminal.

    Example:
        >>> width('polyp'), width('息肉'), width('e\u0301')
        (5, 4, 1)
    """
    return sum(map(_letter_width, text))


def _letter_width(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in 'WF' else 1
