# Copyright (c) gps_seg contributors. Apache-2.0.
"""Take a delta off a model and put another on, in one pass over its memory.

The entries of a selection lie one to a row, so nearly each is on a cache line
of its own, and two deltas of one base have theirs on the same pages. All that
happens to a tensor happens in succession, while it is in the cache.
"""

from collections.abc import Callable, Mapping

from torch import Tensor

from gps_seg.delta.exchange.one_delta import Exchange, TensorsInMemory
from gps_seg.delta.shared_memory import sharing_memory


def write(
    tensors: Mapping[str, Tensor],
    off: Exchange | None = None,
    on: Exchange | None = None,
    check: Callable[[str], None] = lambda name: None,
) -> None:
    """Restore the base under one delta, and write the values of another.

    An error leaves all tensors unchanged.

    Args:
        tensors: Tensors that the deltas change, by name.
        off: Delta that the tensors have, if any.
        on: Delta that they get, if any.
        check: Function that raises an error unless the tensor of a name is
            that of the base; called when both deltas are off.

    Raises:
        OtherBitsError: If a tensor does not have the values of ``off``, or
            differs from the base of ``on``.
        ValueError: If a tensor cannot be written, or two of them share memory
            and would get different values.
    """
    if off is not None:
        off.check_present(tensors)
    if on is not None:
        on.check_writable(tensors)
    memory = TensorsInMemory(tensors)
    try:
        for names in sharing_memory(memory.bits):
            if off is not None:
                off.take_off(names, memory)
            for name in names:
                check(name)
            if on is not None:
                on.put_on(names, memory)
    except BaseException:
        _cancel(memory, off, on)
        raise
    if on is not None:
        on.complete(memory)


def _cancel(
    memory: TensorsInMemory, off: Exchange | None, on: Exchange | None
) -> None:
    """Restore what the tensors were before the pass."""
    if on is not None:
        on.cancel_put_on(memory)
    if off is not None:
        off.cancel_take_off(memory)
