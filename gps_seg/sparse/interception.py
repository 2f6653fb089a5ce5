# Copyright (c) gps_seg contributors. Apache-2.0.
"""Intercept ``torch.nn.functional.linear`` while an interceptor is active.

All linear maps of PyTorch call that function: ``nn.Linear``, the packed
projections inside ``F.multi_head_attention_forward``, which bypass the forward
of the modules that own them, and attention layers with their own weights. No
module, parameter or hook of a model is changed.

A process has one ``F.linear``, so an interceptor acts on all threads. This is
necessary, because the backward pass of a GPU runs in its own thread and
recomputes checkpointed layers there. An interceptor that leaves removes only
itself; the last one restores the function that was there before. If other code
has replaced ``F.linear`` before, that function is called; if other code
replaces it later, that replacement stays.
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
    """An object that computes the linear maps of some weights itself."""

    def linear(
        self,
        plain: PlainLinear,
        inputs: Tensor,
        weight: Tensor,
        bias: Tensor | None,
    ) -> Tensor | None:
        """The result, or None for a weight that it does not handle."""


class _StandIn:
    """The replacement of ``F.linear``, and the active interceptors."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._active: tuple[Interceptor, ...] = ()
        self._found: PlainLinear = F.linear
        self._function = self._over(F.linear)

    def enter(self, interceptor: Interceptor) -> None:
        with self._lock:
            if not self._active and F.linear is not self._function:
                # Reuse the function if the plain one is the same, so that code
                # that torch.compile has compiled with it stays valid.
                if F.linear is not self._found:
                    self._found = F.linear
                    self._function = self._over(F.linear)
                F.linear = self._function
            self._active += (interceptor,)

    def leave(self, interceptor: Interceptor) -> None:
        with self._lock:
            position = self._active.index(interceptor)
            before, after = self._active[:position], self._active[position:]
            self._active = before + after[1:]
            if not self._active and F.linear is self._function:
                F.linear = self._found  # type: ignore[assignment]

    def _over(self, plain: PlainLinear) -> Callable[..., Tensor]:
        def linear(
            input: Tensor,  # noqa: A002 (the name by which it is called)
            weight: Tensor,
            bias: Tensor | None = None,
        ) -> Tensor:
            if _takes_the_plain_path(input, weight):
                return plain(input, weight, bias)
            for interceptor in self._active:
                result = interceptor.linear(plain, input, weight, bias)
                if result is not None:
                    return result
            return plain(input, weight, bias)

        return linear


_stand_in = _StandIn()


@contextmanager
def intercepting(interceptor: Interceptor) -> Iterator[None]:
    """Pass every linear map inside the context to an interceptor."""
    _stand_in.enter(interceptor)
    try:
        yield
    finally:
        _stand_in.leave(interceptor)


def _takes_the_plain_path(inputs: Tensor, weight: Tensor) -> bool:
    """Whether to leave a map to PyTorch.

    That is the case if the weight needs no gradient, in compiled code, for
    nested tensors, and in function transforms such as ``torch.vmap`` and
    ``torch.func.grad``.
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
    """Find the known weight of which ``weight`` is the whole or some rows.

    Attention layers pass consecutive rows of a packed projection to
    ``F.linear``, not a parameter.

    Args:
        weight: Argument of ``F.linear``.
        known: Known weights.

    Returns:
        The known weight and the rows, or None if there is none.

    Example:
        >>> packed = torch.nn.Parameter(torch.zeros(12, 4))
        >>> whole, rows = find_rows(packed[4:8], {packed})
        >>> whole is packed, rows
        (True, range(4, 8))
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
