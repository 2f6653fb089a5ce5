# Copyright (c) gps_seg contributors. Apache-2.0.
"""Run what intercepts linear maps outside of code that is compiled.

Importing ``torch._dynamo`` takes a second, so it waits until it is needed.
"""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch

_Args = ParamSpec('_Args')
_Result = TypeVar('_Result')


def uncompiled(
    function: Callable[_Args, _Result],
) -> Callable[_Args, _Result]:
    """Decorate a function that ``torch.compile`` must not trace."""

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
