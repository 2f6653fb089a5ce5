# Copyright (c) gps_seg contributors. Apache-2.0.
"""Another forward for single modules, which leaves their class alone.

The function is set on the instance, where ``nn.Module.__call__`` finds it
before that of the class. Hooks run as before, ``copy.deepcopy`` binds the copy
to its own module, and a pickle has only the name ``forward``: what is loaded
from it has the forward of the class and needs nothing of this package.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import MethodType
from typing import Any

from torch import nn

#: Name of this package, by which its own functions are known.
PACKAGE = __name__.partition('.')[0]


def has_own_forward(module: nn.Module) -> bool:
    """Whether a module has another forward than that of its class."""
    forward = vars(module).get('forward')
    # What was unpickled has the forward of its class as an attribute.
    original = getattr(forward, '__func__', forward) is type(module).forward
    return forward is not None and not original


def set_forward(module: nn.Module, forward: Callable[..., Any]) -> None:
    """Let one module run another forward.

    Args:
        module: Module with the forward of its class.
        forward: Function of the module and the inputs. It must be called
            ``forward``: pickles keep its name alone.

    Raises:
        ValueError: If the module has another forward already, or the function
            another name.

    Example:
        >>> import torch
        >>> def forward(module, x):
        ...     return 2 * type(module).forward(module, x)
        >>> layer = nn.Identity()
        >>> set_forward(layer, forward)
        >>> layer(torch.ones(2))
        tensor([2., 2.])
        >>> reset_forward(layer)
        >>> layer(torch.ones(2))
        tensor([1., 1.])
    """
    if forward.__name__ != 'forward':
        raise ValueError(
            f"forward: expected the name 'forward', got {forward.__name__!r}."
        )
    if has_own_forward(module):
        raise ValueError(
            'forward: expected a module with the forward of its class, got '
            f'another ({type(module).__name__}).'
        )
    module.forward = MethodType(forward, module)


def reset_forward(module: nn.Module) -> None:
    """Give a module the forward of its class again."""
    vars(module).pop('forward', None)


@contextmanager
def plain_forwards(model: nn.Module) -> Iterator[None]:
    """Let a model run the forwards of its classes inside the context.

    Forwards that are set by others than this package stay.

    Args:
        model: Model in which :func:`set_forward` was used; not changed after
            the context.

    Example:
        >>> import torch
        >>> from gps_seg.execution import fuse_attention
        >>> layer = nn.MultiheadAttention(8, num_heads=2)
        >>> handle = fuse_attention(layer)
        >>> with plain_forwards(layer):
        ...     has_own_forward(layer)
        False
        >>> has_own_forward(layer)
        True
    """
    own = {
        module: module.forward
        for module in model.modules()
        if has_own_forward(module)
        if module.forward.__module__.startswith(f'{PACKAGE}.')
    }
    for module in own:
        reset_forward(module)
    try:
        yield
    finally:
        for module, forward in own.items():
            module.forward = forward
