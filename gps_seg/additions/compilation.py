# Copyright (c) gps_seg contributors. Apache-2.0.
"""What ``torch.compile`` must know of the maps that were taken over.

It may trace ``nn.MultiheadAttention`` with stand-ins for its weights, which no
interceptor knows, and lend the code of a layer without additions to one with
them. The model would then compute as if nothing had been added, without a
word.
"""

import functools
from collections.abc import Callable
from threading import get_ident
from typing import ParamSpec, TypeVar

import torch
from torch import nn

_Args = ParamSpec('_Args')
_Result = TypeVar('_Result')


def uncompiled(
    function: Callable[_Args, _Result],
) -> Callable[_Args, _Result]:
    """Decorate a function that ``torch.compile`` must not trace.

    Importing ``torch._dynamo`` takes a second, so it waits until a call.
    """

    @functools.cache
    def disabled() -> Callable[_Args, _Result]:
        made: Callable[_Args, _Result] = torch.compiler.disable(function)
        return made

    @functools.wraps(function)
    def inner(*args: _Args.args, **kwargs: _Args.kwargs) -> _Result:
        return disabled()(*args, **kwargs)

    return inner


def heed_hooks() -> None:
    """Let compiled code run again only for modules with equal hooks.

    ``torch.compile`` shares code between modules of one class and by default
    does not look at their hooks. Layers without additions would lend their
    code to layers with additions.
    """
    from torch._dynamo import config  # noqa: PLC0415

    config.skip_nnmodule_hook_guards = False


class ComputedMaps:
    """Whether an interceptor has computed a linear map, in each thread."""

    def __init__(self) -> None:
        self._threads: set[int] = set()

    def note(self) -> None:
        """Remember that a map was computed."""
        self._threads.add(get_ident())

    def check(self, module: nn.Module, output: object) -> None:
        """Check a forward pass that has ended, and forget it.

        Args:
            module: Module whose forward pass has ended.
            output: Output of the module; None after an error in it.

        Raises:
            RuntimeError: If packed attention computed no map.
        """
        computed = get_ident() in self._threads
        self._threads.discard(get_ident())
        if computed or output is None:
            return
        if isinstance(module, nn.MultiheadAttention):
            raise RuntimeError(
                'additions: expected attention to compute with what was added '
                'to it, got attention without. torch.compile does this to '
                'nn.MultiheadAttention. Merge the additions first '
                '(gps_seg.additions.merge), or do not compile the model.'
            )
