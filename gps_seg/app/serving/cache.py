# Copyright (c) gps_seg contributors. Apache-2.0.
"""A bounded memory of results, for several threads."""

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar('Value')


class Cache(Generic[Value]):
    """The results that were used last, by key.

    Args:
        most: Largest number of results that are kept.

    Example:
        >>> cache = Cache(most=1)
        >>> cache.put('a', 1)
        >>> cache.put('b', 2)
        >>> cache.get('a'), cache.get('b')
        (None, 2)
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = Lock()
        self._results: OrderedDict[Hashable, Value] = OrderedDict()

    def get(self, key: Hashable) -> Value | None:
        """The result of a key; None if it is not kept."""
        with self._lock:
            if key in self._results:
                self._results.move_to_end(key)
            return self._results.get(key)

    def put(self, key: Hashable, result: Value) -> None:
        """Keep a result; the one that was not used for longest may go."""
        with self._lock:
            self._results[key] = result
            self._results.move_to_end(key)
            while len(self._results) > self._most:
                self._results.popitem(last=False)
