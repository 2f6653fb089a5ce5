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

from collections.abc import Callable, Iterator
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


_lock = Lock()
_asking: tuple[Interceptor, ...] = ()
_stand_in: Callable[..., Tensor] | None = None
_found: PlainLinear = F.linear


@contextmanager
def intercepting(interceptor: Interceptor) -> Iterator[None]:
    """Ask ``interceptor`` about every linear map that is computed inside."""
    _enter(interceptor)
    try:
        yield
    finally:
        _leave(interceptor)


def _enter(interceptor: Interceptor) -> None:
    global _asking, _stand_in, _found
    with _lock:
        if not _asking and F.linear is not _stand_in:
            # The same function again for the same plain one, so that what
            # torch.compile has compiled with it stays valid.
            if _stand_in is None or _found is not F.linear:
                _found = F.linear
                _stand_in = _standing_in_for(_found)
            F.linear = _stand_in
        _asking += (interceptor,)


def _leave(interceptor: Interceptor) -> None:
    global _asking
    with _lock:
        position = _asking.index(interceptor)
        _asking = _asking[:position] + _asking[position + 1 :]
        if not _asking and F.linear is _stand_in:
            F.linear = _found


def _standing_in_for(plain: PlainLinear) -> Callable[..., Tensor]:
    def linear(
        input: Tensor,  # noqa: A002 (the name by which it is called)
        weight: Tensor,
        bias: Tensor | None = None,
    ) -> Tensor:
        if _takes_the_plain_path(input, weight):
            return plain(input, weight, bias)
        for interceptor in _asking:
            result = interceptor.linear(plain, input, weight, bias)
            if result is not None:
                return result
        return plain(input, weight, bias)

    return linear


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
