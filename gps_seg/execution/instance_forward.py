# Copyright (c) gps_seg contributors. Apache-2.0.
"""Another forward for single modules, which leaves their class alone.

The function is set on the instance, where ``nn.Module.__call__`` finds it
before that of the class. Hooks run as before, ``copy.deepcopy`` binds the copy
to its own module, and a pickle has only the name ``forward``: what is loaded
from it has the forward of the class and needs nothing of this package.
"""

from collections.abc import Callable
from types import MethodType
from typing import Any

from torch import nn


def has_own_forward(module: nn.Module) -> bool:
    """Whether a module has another forward than that of its class."""
    own = vars(module).get('forward')
    # A module from a pickle may hold the forward of its class.
    return own is not None and (
        getattr(own, '__func__', None) is not type(module).forward
    )


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
