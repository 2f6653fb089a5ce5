# Copyright (c) gps_seg contributors. Apache-2.0.
"""The arrays of a delta file, each with the numbers of many tensors.

There is one array for each type of number, not one for each tensor, because a
name and an offset take more bytes than the biases of a small layer.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gps_seg.delta.change import DTYPE_NAMES
from gps_seg.delta.fingerprint import SHORT_BYTES
from gps_seg.delta.format.container import Arrays
from gps_seg.delta.sketch import SKETCH_NUMBERS, Sketch
from gps_seg.delta.values import Coded, Values

Array = np.ndarray[Any, Any]


class ArrayWriter:
    """A writer that collects the values of one tensor after the other."""

    def __init__(self) -> None:
        self._parts: dict[str, list[Array]] = {}

    def add(self, values: Values, dtype: torch.dtype) -> dict[str, Any]:
        """Append values; return the fields that describe them in the header.

        Args:
            values: Values of one tensor.
            dtype: Dtype of the tensor in the model.
        """
        if isinstance(values, Coded):
            self._append('codes', pack(values.codes.numpy(), values.bits))
            self._append('levels', values.levels.numpy())
            return {'bits': values.bits, 'levels': len(values.levels)}
        stored = values.numbers.dtype
        self._append(_name(stored), _to_numpy(values.numbers))
        return {} if stored == dtype else {'stored': DTYPE_NAMES[stored]}

    def add_digests(self, digests: Sequence[str]) -> None:
        """Append short digests, in hexadecimal, of tensors of the base."""
        if digests:
            raw = bytes.fromhex(''.join(digests))
            self._append('fingerprint', np.frombuffer(raw, np.uint8))

    def add_sketches(self, sketches: Sequence[Sketch | None]) -> None:
        """Append the sketch of each tensor; zeros stand for none."""
        none = (0.0,) * SKETCH_NUMBERS
        numbers = [sketch or none for sketch in sketches]
        self._append('sketches', np.array(numbers, np.float32).reshape(-1))

    def _append(self, name: str, part: Array) -> None:
        self._parts.setdefault(name, []).append(part)

    def finish(self, index: Array) -> Arrays:
        """All arrays by name."""
        joined = {name: np.concatenate(p) for name, p in self._parts.items()}
        return {**joined, 'index': index}


class ArrayReader:
    """A reader that returns the numbers of one tensor after the other.

    Raises:
        ValueError: In each method, if there are not enough numbers.
    """

    def __init__(self, arrays: Arrays) -> None:
        self._arrays = arrays
        self._read = {'index': 0}

    def index(self) -> bytes:
        """The deflated indices."""
        count = len(self._array('index', np.dtype(np.uint8)))
        return self._take('index', np.dtype(np.uint8), count).tobytes()

    def numbers(self, dtype: torch.dtype, count: int) -> Tensor:
        """The next values of this type, shape ``(count,)``."""
        part = self._take(_name(dtype), _numpy_dtype(dtype), count)
        if dtype == torch.bfloat16:
            return torch.from_numpy(part.view(np.int16)).view(dtype)
        return torch.from_numpy(part)

    def codes(self, bits: int, count: int) -> Tensor:
        """The next codes, shape ``(count,)``, uint8."""
        num_bytes = -(-count * bits // 8)
        packed = self._take('codes', np.dtype(np.uint8), num_bytes)
        return torch.from_numpy(unpack(packed, bits, count))

    def levels(self, count: int) -> Tensor:
        """The next levels, shape ``(count,)``, float32."""
        part = self._take('levels', np.dtype(np.float32), count)
        return torch.from_numpy(part)

    def digests(self, count: int) -> list[str]:
        """The next short digests, in hexadecimal."""
        size, dtype = SHORT_BYTES, np.dtype(np.uint8)
        raw = self._take('fingerprint', dtype, count * size).tobytes()
        return [raw[i * size : (i + 1) * size].hex() for i in range(count)]

    def sketches(self, names: Sequence[str]) -> dict[str, Sketch]:
        """The next sketches, by name; tensors without one are left out."""
        if 'sketches' not in self._arrays:
            return {}
        size, dtype = SKETCH_NUMBERS, np.dtype(np.float32)
        numbers = self._take('sketches', dtype, len(names) * size)
        rows = numbers.reshape(-1, size)
        return {
            name: tuple(row.tolist())
            for name, row in zip(names, rows, strict=True)
            if row.any()  # also NaN
        }

    def finish(self) -> None:
        """Raise ValueError unless all numbers have been read."""
        rest = {
            name: array.size - self._read.get(name, 0)
            for name, array in self._arrays.items()
            if array.size != self._read.get(name, 0) or name not in self._read
        }
        if rest:
            raise ValueError(
                f'arrays: expected only numbers of the tensors in the '
                f'header, got more of {rest}.'
            )

    def _array(self, name: str, dtype: np.dtype[Any]) -> Array:
        array = self._arrays.get(name, np.zeros(0, dtype))
        if array.dtype != dtype or array.ndim != 1:
            raise ValueError(
                f'arrays: expected one axis of {dtype}, got shape '
                f'{array.shape} of {array.dtype} ({name}).'
            )
        return array

    def _take(self, name: str, dtype: np.dtype[Any], count: int) -> Array:
        array, start = self._array(name, dtype), self._read.get(name, 0)
        if len(array) - start < count:
            raise ValueError(
                f'arrays: expected {count} numbers for a tensor, got '
                f'{len(array) - start} ({name}).'
            )
        self._read[name] = start + count
        return array[start : start + count].copy()


def pack(codes: Array, bits: int) -> Array:
    """Pack codes of ``bits`` bits into bytes, the first in the lowest bits."""
    per_byte = 8 // bits
    padded = np.pad(codes, (0, -len(codes) % per_byte))
    shifts = np.arange(per_byte, dtype=np.uint8) * bits
    groups = padded.reshape(-1, per_byte) << shifts
    packed: Array = np.bitwise_or.reduce(groups, axis=1).astype(np.uint8)
    return packed


def unpack(packed: Array, bits: int, count: int) -> Array:
    """The inverse of :func:`pack`."""
    shifts = np.arange(8 // bits, dtype=np.uint8) * bits
    groups: Array = packed[:, None] >> shifts
    groups &= 2**bits - 1
    return groups.reshape(-1)[:count]


def _name(dtype: torch.dtype) -> str:
    return f'values.{DTYPE_NAMES[dtype]}'


def _numpy_dtype(dtype: torch.dtype) -> np.dtype[Any]:
    # NumPy has no bfloat16, so its bits are stored as unsigned integers.
    return np.dtype(
        'uint16' if dtype == torch.bfloat16 else DTYPE_NAMES[dtype]
    )


def _to_numpy(values: Tensor) -> Array:
    if values.dtype == torch.bfloat16:
        return values.view(torch.int16).numpy().view(np.uint16)
    array: Array = values.numpy()
    return array
