# Copyright (c) gps_seg contributors. Apache-2.0.
"""The claims of a delta file's header about one tensor.

The file may come from anyone. So every field is checked, and memory is
allocated only in proportion to the values that are in the file.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from gps_seg.delta.change import DIGEST_BYTES, DTYPES, Change
from gps_seg.delta.fingerprint import is_hexadecimal
from gps_seg.delta.format.indices import IndexPlan
from gps_seg.delta.format.streams import ArrayReader
from gps_seg.delta.values import Coded, Exact, Values

BITS = (1, 2, 4, 8)
#: The limit of PyTorch.
MAX_AXES = 64
_FIELDS = {'name', 'shape', 'dtype'}
_OPTIONAL = {'stored', 'bits', 'levels', 'base'}
_OF_INDICES = {'entries', 'columns', 'per_row'}


class Record:
    """One tensor as described in the header.

    Args:
        record: Entry of the header, as parsed from JSON.

    Raises:
        ValueError: If a field is missing, unknown or out of range.
    """

    def __init__(self, record: object) -> None:
        if not isinstance(record, dict) or not (
            _FIELDS <= record.keys() <= _FIELDS | _OPTIONAL | _OF_INDICES
        ):
            raise ValueError(
                f'tensors: expected objects with {sorted(_FIELDS)} and '
                f'perhaps {sorted(_OPTIONAL | _OF_INDICES)}, got {record!r}.'
            )
        self._record = record
        self.name = _typed(record, 'name', str)
        self.shape = _shape(record)
        self.dtype = _one_of(record, 'dtype', DTYPES)
        self.base = _base(record)
        self.index = self._index_plan()

    def _index_plan(self) -> IndexPlan | None:
        if not _OF_INDICES & self._record.keys():
            return None
        entries, columns, per_row = (
            _count(self._record, key)
            for key in ('entries', 'columns', 'per_row')
        )
        plan = IndexPlan(self.shape, entries, columns, per_row)
        plan.check()
        return plan

    @property
    def entries(self) -> int:
        """Number of values that change."""
        if self.index is not None:
            return self.index.entries
        return math.prod(self.shape)

    def read_values(self, reader: ArrayReader) -> Values:
        """Read the values of this tensor; call it in header order."""
        record = self._record
        if 'bits' not in record:
            dtype = self.dtype
            if 'stored' in record:
                dtype = _one_of(record, 'stored', DTYPES)
            return Exact(reader.numbers(dtype, self.entries))
        bits = _count(record, 'bits')
        count = _count(record, 'levels')
        if bits not in BITS or count not in (2, 2**bits):
            raise ValueError(
                f'bits: expected one of {BITS}, with 2 or 2**bits levels, '
                f'got {record!r}.'
            )
        codes = reader.codes(bits, self.entries)
        return Coded(codes, reader.levels(count), bits)

    def change(self, values: Values, indices: Tensor | None) -> Change:
        """Combine values and indices into a change."""
        shape = torch.Size(self.shape)
        return Change(shape, self.dtype, values, indices, self.base)


def _typed(record: Mapping[str, Any], key: str, kind: type) -> Any:
    value = record.get(key)
    if type(value) is not kind:
        raise ValueError(
            f'{key}: expected {kind.__name__}, got {value!r} in {record!r}.'
        )
    return value


def _count(record: Mapping[str, Any], key: str) -> int:
    count: int = _typed(record, key, int)
    if not 0 <= count < 2**62:
        raise ValueError(f'{key}: expected 0 or more, got {count}.')
    return count


def _one_of(
    record: Mapping[str, Any], key: str, choices: Mapping[str, torch.dtype]
) -> torch.dtype:
    choice = _typed(record, key, str)
    if choice not in choices:
        raise ValueError(
            f'{key}: expected one of {list(choices)}, got {choice!r}.'
        )
    return choices[choice]


def _shape(record: Mapping[str, Any]) -> tuple[int, ...]:
    shape = tuple(_typed(record, 'shape', list))
    # A product of very many numbers would take very long.
    legal = len(shape) <= MAX_AXES and all(
        type(axis) is int and 0 <= axis < 2**62 for axis in shape
    )
    # Axes of length 0 must not hide an overflow in the others.
    if not legal or math.prod(max(1, axis) for axis in shape) > 2**62:
        raise ValueError(
            f'shape: expected the lengths of at most {MAX_AXES} axes, 2**62 '
            f'entries at most, got {_shortened(shape)}.'
        )
    return shape


def _shortened(value: object) -> str:
    text = repr(value)
    return text if len(text) < 200 else f'{text[:200]}...'


def _base(record: Mapping[str, Any]) -> str | None:
    if 'base' not in record:
        return None
    base: str = _typed(record, 'base', str)
    if len(base) != 2 * DIGEST_BYTES or not is_hexadecimal(base):
        raise ValueError(
            f'base: expected {2 * DIGEST_BYTES} lower-case hexadecimal '
            f'digits, got {base!r}.'
        )
    return base
