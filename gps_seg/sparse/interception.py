# Copyright (c) gps_seg contributors. Apache-2.0.
"""Intercept ``torch.nn.functional.linear`` while an interceptor is active.

All linear maps of PyTorch call that function: ``nn.Linear``, the packed
projections inside ``F.multi_head_attention_forward``, which bypass the forward
of the modules that own them, and attention layers with their own weights. No
module, parameter or hook of a model is changed. The exception is the fused
inference path of ``nn.MultiheadAttention``, so it is off meanwhile.

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
    """An object that computes the linear maps of some weights itself.

    Of several active ones, the one that entered last is asked first.
    """

    def linear(
        self,
        plain: PlainLinear,
        inputs: Tensor,
        weight: Tensor,
        bias: Tensor | None,
    ) -> Tensor | None:
        """Compute one linear map.

        Args:
            plain: ``F.linear`` without this interceptor; the others that are
                active take part in it.
            inputs: First argument of ``F.linear``.
            weight: Second argument.
            bias: Third argument.

        Returns:
            The result, or None for a weight that it does not handle.
        """


class _StandIn:
    """The replacement of ``F.linear``, and the active interceptors."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._entered: tuple[Interceptor, ...] = ()
        self._active: tuple[Interceptor, ...] = ()
        self._found: PlainLinear = F.linear
        self._function = self._over(F.linear)
        self._fused_attention = True

    def enter(self, interceptor: Interceptor) -> None:
        with self._lock:
            if not self._entered:
                self._replace()
            self._keep((interceptor, *self._entered))

    def leave(self, interceptor: Interceptor) -> None:
        with self._lock:
            position = self._entered.index(interceptor)
            before, after = self._entered[:position], self._entered[position:]
            self._keep(before + after[1:])

    def forget(self, interceptor: Interceptor) -> None:
        with self._lock:
            if interceptor in self._entered:
                rest = (o for o in self._entered if o is not interceptor)
                self._keep(tuple(rest))

    def _keep(self, entered: tuple[Interceptor, ...]) -> None:
        self._entered = entered
        # One that entered twice computes a map once. Code that torch.compile
        # has compiled depends on these, so they change only if they must.
        active = tuple(dict.fromkeys(entered))
        if active != self._active:
            self._active = active
        if not entered:
            torch.backends.mha.set_fastpath_enabled(self._fused_attention)
            if F.linear is self._function:
                F.linear = self._found  # type: ignore[assignment]

    def _replace(self) -> None:
        # The fused attention would read the weights past F.linear.
        self._fused_attention = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)
        if F.linear is self._function:
            return
        # Reuse the function if the plain one is the same, so that code that
        # torch.compile has compiled with it stays valid.
        if F.linear is not self._found:
            self._found = F.linear
            self._function = self._over(F.linear)
        F.linear = self._function

    def _over(self, plain: PlainLinear) -> Callable[..., Tensor]:
        def linear(
            input: Tensor,  # noqa: A002 (the name by which it is called)
            weight: Tensor,
            bias: Tensor | None = None,
        ) -> Tensor:
            return _passed_on(self._active, plain)(input, weight, bias)

        return linear


def _passed_on(
    interceptors: tuple[Interceptor, ...], plain: PlainLinear
) -> PlainLinear:
    """``F.linear`` with these interceptors, from first to last."""
    if not interceptors:
        return plain

    def linear(
        inputs: Tensor, weight: Tensor, bias: Tensor | None = None
    ) -> Tensor:
        for position, one in enumerate(interceptors):
            rest = _passed_on(interceptors[position + 1 :], plain)
            result = one.linear(rest, inputs, weight, bias)
            if result is not None:
                return result
        return plain(inputs, weight, bias)

    return linear


_stand_in = _StandIn()


def enter(interceptor: Interceptor) -> None:
    """Pass every linear map to an interceptor until :func:`leave`."""
    _stand_in.enter(interceptor)


def leave(interceptor: Interceptor) -> None:
    """Undo one :func:`enter` of the same interceptor."""
    _stand_in.leave(interceptor)


class Forgetting:
    """A handle that undoes every :func:`enter` that was not left.

    An interrupt (Ctrl-C) ends a forward pass without its hooks.

    Args:
        interceptor: Interceptor that may still be active.
    """

    def __init__(self, interceptor: Interceptor) -> None:
        self._interceptor = interceptor

    def remove(self) -> None:
        """Let the interceptor compute nothing more."""
        _stand_in.forget(self._interceptor)


@contextmanager
def intercepting(interceptor: Interceptor) -> Iterator[None]:
    """Pass every linear map inside the context to an interceptor."""
    enter(interceptor)
    try:
        yield
    finally:
        leave(interceptor)


def is_left_to_torch(inputs: Tensor, weight: Tensor) -> bool:
    """Whether the gradient of a map's weight is left to PyTorch.

    That is the case if the weight needs no gradient, for nested tensors, and
    in function transforms such as ``torch.vmap`` and ``torch.func.grad``.
    """
    return (
        not weight.requires_grad
        or not torch.is_grad_enabled()
        or inputs.is_nested
        or torch._C._are_functorch_transforms_active()
    )


def as_no_view(outputs: Tensor) -> Tensor:
    """The same tensor, as one that autograd does not take for a view.

    ``F.linear`` may return a view, and a view that leaves an autograd Function
    may not be changed in place later, as Swin v2 does.
    """
    result: Tensor = torch.ops.aten._unsafe_view.default(
        outputs, outputs.shape
    )
    return result


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
