# Copyright (c) gps_seg contributors. Apache-2.0.
"""Stand in for ``torch.nn.functional.linear`` while somebody asks for it.

That function is where all linear maps of PyTorch meet: ``nn.Linear``, the
packed projections inside ``F.multi_head_attention_forward``, which go past
the forward of the modules that own them, and attention layers that call it
with a weight of their own. No module, parameter or hook of a model is touched.

There is one ``F.linear`` in a process, so what is asked for holds for all of
its threads: the backward pass of a GPU runs in a thread of its own, and
computes checkpointed layers again there. Whoever leaves takes away only what
it brought; the last puts back what was found. What others put there before is
called underneath, and what they put on top stays.
"""

from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

PlainLinear = Callable[[Tensor, Tensor, Tensor | None], Tensor]


class Interceptor(Protocol):
    """Computes linear maps of certain weights in its own way."""

    def linear(
        self,
        plain: PlainLinear,
        inputs: Tensor,
        weight: Tensor,
        bias: Tensor | None,
    ) -> Tensor | None:
        """The result, or None for a weight that is not its own."""


class _StandIn:
    """What stands in for ``F.linear``, and who asks for it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._asking: tuple[Interceptor, ...] = ()
        self._found: PlainLinear = F.linear
        self._function = self._over(F.linear)

    def enter(self, interceptor: Interceptor) -> None:
        with self._lock:
            if not self._asking and F.linear is not self._function:
                # The same function again over the same plain one, so that
                # what torch.compile has compiled with it stays valid.
                if F.linear is not self._found:
                    self._found = F.linear
                    self._function = self._over(F.linear)
                F.linear = self._function
            self._asking += (interceptor,)

    def leave(self, interceptor: Interceptor) -> None:
        with self._lock:
            position = self._asking.index(interceptor)
            before, after = self._asking[:position], self._asking[position:]
            self._asking = before + after[1:]
            if not self._asking and F.linear is self._function:
                F.linear = self._found  # type: ignore[assignment]

    def _over(self, plain: PlainLinear) -> Callable[..., Tensor]:
        def linear(
            input: Tensor,  # noqa: A002 (the name by which it is called)
            weight: Tensor,
            bias: Tensor | None = None,
        ) -> Tensor:
            if _takes_the_plain_path(input, weight):
                return plain(input, weight, bias)
            for interceptor in self._asking:
                result = interceptor.linear(plain, input, weight, bias)
                if result is not None:
                    return result
            return plain(input, weight, bias)

        return linear


_stand_in = _StandIn()


@contextmanager
def intercepting(interceptor: Interceptor) -> Iterator[None]:
    """Ask ``interceptor`` about every linear map that is computed inside."""
    _stand_in.enter(interceptor)
    try:
        yield
    finally:
        _stand_in.leave(interceptor)


def _takes_the_plain_path(inputs: Tensor, weight: Tensor) -> bool:
    """Whether no gradient is asked for, or in ways that only PyTorch knows.

    Those are compiled code, nested tensors, and function transforms such as
    ``torch.vmap`` and ``torch.func.grad``.
    """
    return (
        torch.compiler.is_compiling()
        or not weight.requires_grad
        or not torch.is_grad_enabled()
        or inputs.is_nested
        or torch._C._are_functorch_transforms_active()
    )


def find_rows(
    weight: Tensor,  # shape: (rows, in)
    known: Container[Tensor],
) -> tuple[Tensor, range] | None:
    """The known weight that ``weight`` is, or is consecutive rows of.

    Attention layers hand ``F.linear`` consecutive rows of a packed projection
    rather than a parameter of their own.

    Returns:
        The known weight and the rows, or None if ``weight`` is neither.
    """
    if weight in known:
        return weight, range(len(weight))
    whole = weight._base
    if whole is None or whole not in known or weight.ndim != 2:
        return None
    offset = int(weight.storage_offset() - whole.storage_offset())
    start, inside_row = divmod(offset, whole.shape[1])
    if (
        inside_row
        or not whole.is_contiguous()
        or weight.stride() != whole.stride()
        or weight.shape[1] != whole.shape[1]
    ):
        return None
    return whole, range(start, start + len(weight))
