# Copyright (c) gps_seg contributors. Apache-2.0.
"""Arrays and histories of a checkpoint, without NumPy's own unpickling.

NumPy trusts what a pickle says about an array: with a forged data type it
reads bytes of the file as pointers. Here stand-ins are unpickled in place of
NumPy's constructors. They accept only plain numbers, with the number of bytes
that these take, and :func:`restored` builds the arrays.
"""

import pickle
from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
from mmengine.config import ConfigDict
from mmengine.logging.history_buffer import HistoryBuffer

_CODES = (
    'b1',
    'i1',
    'i2',
    'i4',
    'i8',
    'u1',
    'u2',
    'u4',
    'u8',
    'f2',
    'f4',
    'f8',
)
_ORDERS = ('<', '>', '|', '=')
_NO_FIELDS = (None, None, None, -1, -1, 0)
_MOST_AXES = 32
_STATISTICS = ('min', 'max', 'current', 'mean')


class NumberType:
    """Stand-in for ``numpy.dtype``.

    Args:
        code: Kind and size of a number, such as ``'f8'``.
        align: Flag without meaning for numbers.
        copy: Flag without meaning for numbers.
    """

    def __init__(
        self, code: Any, align: bool = False, copy: bool = True
    ) -> None:
        if not isinstance(code, str) or code not in _CODES:
            raise pickle.UnpicklingError(f'numbers of type {code!r}')
        self.dtype = np.dtype(code)

    def __setstate__(self, state: Any) -> None:
        """Accept the byte order; refuse any other property of a type."""
        match state:
            case (3, str(order), *rest) if order in _ORDERS:
                if tuple(rest) == _NO_FIELDS:
                    if order != '|':
                        self.dtype = self.dtype.newbyteorder(order)
                    return
        raise pickle.UnpicklingError(f'numbers with the state {state!r}')


class NumberArray:
    """Stand-in for ``numpy.ndarray``."""

    array: np.ndarray | None = None

    def __setstate__(self, state: Any) -> None:
        """Accept shape, type, order and bytes if they are consistent."""
        match state:
            case (1, tuple(shape), NumberType(dtype=dtype), order, raw):
                pass
            case _:
                raise pickle.UnpicklingError('an array of another kind')
        if len(shape) > _MOST_AXES or not all(
            type(axis) is int and 0 <= axis < 2**62 for axis in shape
        ):
            raise pickle.UnpicklingError('an array of an unknown shape')
        flat = _numbers(raw, dtype, prod(shape))
        self.array = flat.reshape(shape, order='F' if order else 'C')


class SavedHistory(HistoryBuffer):
    """Stand-in for ``HistoryBuffer`` that becomes one with its numbers.

    MMEngine's own class would let a file change the statistics of all
    histories.
    """

    def __new__(cls) -> 'SavedHistory':
        """Create an empty history; a file may have no numbers for it."""
        history: SavedHistory = super().__new__(cls)
        HistoryBuffer.__init__(history)
        return history

    def __setstate__(self, state: Any) -> None:
        """Accept numbers and counts; the statistics remain MMEngine's own."""
        match state:
            case {
                '_log_history': NumberArray(array=np.ndarray() as values),
                '_count_history': NumberArray(array=np.ndarray() as counts),
                'max_length': int(most),
            } if values.ndim == 1 and values.shape == counts.shape:
                self._log_history = values
                self._count_history = counts
                self.max_length = most
                self.__class__ = HistoryBuffer
            case _:
                raise pickle.UnpicklingError('a history of another kind')


def _array(kind: Any, *_: Any) -> NumberArray:
    """Stand-in for ``_reconstruct``, which creates an empty array."""
    if kind is not NumberArray:
        raise pickle.UnpicklingError(f'an array of type {kind!r}')
    return NumberArray()


def _scalar(kind: Any, raw: Any) -> np.generic:
    """Stand-in for ``scalar``, which creates one number."""
    if not isinstance(kind, NumberType):
        raise pickle.UnpicklingError(f'a number of type {kind!r}')
    number: np.generic = _numbers(raw, kind.dtype, 1)[0]
    return number


def _no_bytes(*content: Any) -> bytes:
    """Stand-in for ``bytes``, which an empty array calls."""
    if content:
        raise pickle.UnpicklingError(f'bytes of {content!r:.60}')
    return b''


def _settings(content: Any) -> ConfigDict:
    """Stand-in for ``ConfigDict``, the type of metainfo in a config."""
    if type(content) is not dict:
        raise pickle.UnpicklingError(f'settings {content!r:.60}')
    return ConfigDict(content)


def _numbers(raw: Any, dtype: np.dtype, count: int) -> np.ndarray:
    if not isinstance(raw, bytes) or len(raw) != count * dtype.itemsize:
        raise pickle.UnpicklingError('an array with too many or few bytes')
    native = dtype.newbyteorder('=')
    return np.frombuffer(raw, dtype, count).astype(native)


def _statistic(owner: Any, name: Any) -> Callable[..., Any]:
    """Stand-in for ``getattr``, with which histories store their methods."""
    if owner is not SavedHistory or name not in _STATISTICS:
        raise pickle.UnpicklingError(f'getattr of {name!r} from {owner!r}')
    method: Callable[..., Any] = getattr(HistoryBuffer, name)
    return method


#: Stand-ins for the names in checkpoints of OpenMMLab that are neither tensors
#: nor plain values, for ``torch.serialization.safe_globals``.
STAND_INS: list[Any] = [
    (SavedHistory, 'mmengine.logging.history_buffer.HistoryBuffer'),
    (_statistic, 'builtins.getattr'),
    (_settings, 'mmengine.config.config.ConfigDict'),
    (_no_bytes, 'builtins.bytes'),
    (slice, 'builtins.slice'),
    (NumberArray, 'numpy.ndarray'),
    (NumberType, 'numpy.dtype'),
    # The names in NumPy 1 and NumPy 2.
    *(
        (maker, f'numpy.{core}.multiarray.{name}')
        for core in ('core', '_core')
        for maker, name in ((_array, '_reconstruct'), (_scalar, 'scalar'))
    ),
]


def restored(content: Any) -> Any:
    """Replace the stand-ins in the content of a checkpoint by arrays.

    Args:
        content: Unpickled content; its dictionaries and lists are changed in
            place.

    Raises:
        pickle.UnpicklingError: If an array has no numbers.
        RecursionError: If the content is nested too deeply.
    """
    return _restored(content, {})


def _restored(value: Any, done: dict[int, Any]) -> Any:
    """Do the work of :func:`restored`; shared objects stay shared."""
    if isinstance(value, NumberArray):
        if value.array is None:
            raise pickle.UnpicklingError('an array without numbers')
        return value.array
    if isinstance(value, NumberType):
        return value.dtype
    if not isinstance(value, dict | list | tuple) or id(value) in done:
        return done.get(id(value), value)
    done[id(value)] = value
    if isinstance(value, dict):
        for key, item in value.items():
            value[key] = _restored(item, done)
    elif isinstance(value, list):
        value[:] = [_restored(item, done) for item in value]
    elif type(value) is tuple:
        done[id(value)] = tuple(_restored(item, done) for item in value)
    return done[id(value)]
