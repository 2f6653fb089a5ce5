# Copyright (c) gps_seg contributors. Apache-2.0.
"""Flat indices of a tensor in a few bits each, without loss.

A tensor is seen as rows (its first axis) of columns (the rest, flattened).
Many rows have their selected entries in the same few columns. So the distinct
columns are written once, and each entry is only a position in that list. If
every row has the same number of entries, rows are not written at all. All
numbers are unsigned integers of 1, 2, 4 or 8 bytes, as few as possible;
``layout.py`` deflates them.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

#: Largest number of rows and columns of a tensor with selected entries: they
#: are counted in four bytes.
MAX_LENGTH = 2**32
_PIECE = 1 << 16  # entries

IntArray = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class IndexPlan:
    """Numbers that are needed to read the indices of one tensor.

    Args:
        shape: Shape of the tensor.
        entries: Number of indices.
        columns: Number of distinct columns among them.
        per_row: Number of entries in every row; 0 if it varies.
    """

    shape: tuple[int, ...]
    entries: int
    columns: int
    per_row: int

    @property
    def rows(self) -> int:
        """Length of the first axis."""
        return self.shape[0]

    @property
    def fan_in(self) -> int:
        """Columns of the tensor."""
        return math.prod(self.shape[1:])

    @property
    def fields(self) -> tuple[tuple[np.dtype[Any], int], ...]:
        """Type and count of: columns, positions in this list, row steps."""
        return (
            (narrowest(self.fan_in - 1), self.columns),
            (narrowest(self.columns - 1), self.entries),
            (narrowest(self.rows - 1), 0 if self.per_row else self.entries),
        )

    @property
    def num_bytes(self) -> int:
        """Bytes of the encoded indices, before they are deflated."""
        return sum(dtype.itemsize * count for dtype, count in self.fields)

    def check(self) -> None:
        """Raise ValueError if no indices could have this plan.

        There are at most three numbers of four bytes per entry, so memory is
        proportional to the values, which must be in the file.
        """
        if not self.shape or max(self.rows, self.fan_in) > MAX_LENGTH:
            raise ValueError(
                f'shape: expected one or more axes, and at most {MAX_LENGTH} '
                f'rows and columns of a tensor with selected entries, got '
                f'{self.shape}.'
            )
        if not 0 <= self.columns <= min(self.entries, self.fan_in):
            raise ValueError(
                f'columns: expected at most {self.fan_in} and one entry for '
                f'each, got {self.columns} for {self.entries} entries.'
            )
        if self.per_row and self.entries != self.rows * self.per_row:
            raise ValueError(
                f'per_row: expected {self.entries} entries in {self.rows} '
                f'rows, got {self.per_row} in each.'
            )


def encode_indices(
    indices: IntArray, shape: tuple[int, ...]
) -> tuple[IndexPlan, bytes]:
    """Encode strictly increasing flat indices of a tensor of this shape."""
    rows, columns = np.divmod(indices, max(1, math.prod(shape[1:])))
    table, positions = np.unique(columns, return_inverse=True)
    per_row = _entries_per_row(rows, shape[0])
    plan = IndexPlan(tuple(shape), len(indices), len(table), per_row)
    steps = np.diff(rows, prepend=0)
    parts = zip(plan.fields, (table, positions, steps), strict=True)
    return plan, b''.join(
        part[:count].astype(dtype).tobytes() for (dtype, count), part in parts
    )


def decode_indices(plan: IndexPlan, raw: bytes | memoryview) -> IntArray:
    """The inverse of :func:`encode_indices`.

    ``Selection`` checks later whether they are sorted.

    Raises:
        ValueError: If a column or a row is not in the tensor, or the list of
            columns is not in increasing order.
    """
    table, positions, steps = _split(plan, raw)
    _check_below(table, plan.fan_in, 'columns')
    if not (table[1:] > table[:-1]).all():
        raise ValueError(
            'indices: expected strictly increasing columns, got others.'
        )
    _check_below(positions, plan.columns, 'positions')
    # Only one array of int64, because a small file may ask for a large one.
    if plan.per_row:
        indices = np.repeat(np.arange(plan.rows), plan.per_row)
    else:
        indices = np.cumsum(steps, dtype=np.int64)
    _check_below(indices, plan.rows, 'rows')
    indices *= plan.fan_in
    for start in range(0, len(indices), _PIECE):
        piece = slice(start, start + _PIECE)
        indices[piece] += table[positions[piece]].astype(np.int64)
    return indices


def _entries_per_row(rows: IntArray, num_rows: int) -> int:
    """Number of entries in each row; 0 if it varies or there are none."""
    if len(rows) == 0 or len(rows) % num_rows:
        return 0
    per_row = len(rows) // num_rows
    regular = np.repeat(np.arange(num_rows), per_row)
    return per_row if np.array_equal(rows, regular) else 0


def narrowest(largest: int) -> np.dtype[Any]:
    """The narrowest unsigned little-endian type for 0 to ``largest``."""
    for size in (1, 2, 4):
        if largest < 256**size:
            return np.dtype(f'<u{size}')
    return np.dtype('<u8')


def _split(
    plan: IndexPlan, raw: bytes | memoryview
) -> list[np.ndarray[Any, Any]]:
    parts, offset = [], 0
    for dtype, count in plan.fields:
        part = np.frombuffer(raw, dtype, count, offset)
        parts.append(part)
        offset += part.nbytes
    return parts


def _check_below(numbers: np.ndarray[Any, Any], limit: int, what: str) -> None:
    if len(numbers) and not 0 <= numbers.min() <= numbers.max() < limit:
        raise ValueError(
            f'indices: expected {what} in [0, {limit}), got '
            f'{numbers.min()}..{numbers.max()}.'
        )
