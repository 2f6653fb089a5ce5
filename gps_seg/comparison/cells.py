# Copyright (c) gps_seg contributors. Apache-2.0.
"""Texts of the cells of the tables of a comparison."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any, NamedTuple

from gps_seg.text.short import short_count

#: A cell without a value.
NONE = '-'
_ERROR_LETTERS = 100


class _Cost(NamedTuple):
    """A column of costs: its head, the unit's size, and a format."""

    head: str
    unit: float
    form: str

    def text(self, value: float | None) -> str:
        """The value in the unit of the column."""
        if value is None:
            return NONE
        return format(value / self.unit, self.form)


#: Column of each cost that the tables know, in this order.
COSTS = {
    'step_seconds': _Cost('step, s', 1, '.3g'),
    'step_ratio': _Cost('step ratio', 1, '.2f'),
    'peak_bytes': _Cost('peak, MiB', 2**20, ',.0f'),
    'saved_bytes': _Cost('saved, MiB', 2**20, ',.0f'),
    'test_flops': _Cost('test GFLOP', 1e9, ',.1f'),
}


def spread_cell(spread: Mapping[str, Any]) -> str:
    """Mean and standard deviation of a score.

    Example:
        >>> spread_cell({'mean': 81.234, 'sd': 0.5})
        '81.23 ± 0.50'
        >>> spread_cell({'mean': 81.234, 'sd': None})
        '81.23'
    """
    text = f'{spread["mean"]:.2f}'
    return text if spread['sd'] is None else f'{text} ± {spread["sd"]:.2f}'


def difference_cell(row: Mapping[str, Any] | None) -> str:
    r"""Difference with its interval, marked if that excludes 0.

    Example:
        >>> difference_cell({'mean': 1.5, 'low': 0.2, 'high': 2.9})
        '+1.50 [+0.20, +2.90] \\*'
    """
    if row is None:
        return NONE
    mark = r' \*' if row['low'] > 0 or row['high'] < 0 else ''
    return interval_cell(row, sign='+') + mark


def interval_cell(row: Mapping[str, Any], sign: str = '-') -> str:
    """A mean with its interval.

    Args:
        row: Values of ``mean``, ``low`` and ``high``.
        sign: ``'+'`` to write the sign of positive numbers, too.

    Example:
        >>> interval_cell({'mean': 81.234, 'low': 79.5, 'high': 83.0})
        '81.23 [79.50, 83.00]'
    """
    mean, low, high = (
        f'{row[key]:{sign}.2f}' for key in ('mean', 'low', 'high')
    )
    return f'{mean} [{low}, {high}]'


def rate_cell(row: Mapping[str, Any]) -> str:
    """The rate, and whether it is an edge of the grid.

    Example:
        >>> rate_cell({'rate': 3.0, 'rate_edge': 'highest'})
        '3 (edge)'
    """
    if row['rate'] is None:
        return NONE
    return f'{row["rate"]:g}' + (' (edge)' if row['rate_edge'] else '')


def trained_cells(row: Mapping[str, Any]) -> list[str]:
    """Trained values, their percentage, and the size of the delta in MiB."""
    return [
        short_count(round(row['trained'])),
        f'{row["trained_percent"]:.3g}',
        f'{row["task_bytes"] / 2**20:.2f}',
    ]


def error_line(error: str) -> str:
    """The last line of an error, cut to one line of a page."""
    lines = error.strip().splitlines() or ['no message']
    return textwrap.shorten(lines[-1], _ERROR_LETTERS, placeholder=' ...')
