# Copyright (c) gps_seg contributors. Apache-2.0.
"""Compile the parts of a model that only compute with tensors.

MMEngine compiles ``train_step`` as a whole: losses that branch on values, logs
and the optimizer with it, which breaks the graph and compiles again at every
step. An encoder or a head alone is one graph.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy
import torch
from torch import nn

from gps_seg.execution.instance_forward import (
    has_own_forward,
    reset_forward,
    set_forward,
)


class CompiledParts:
    """The parts of a model that run compiled until :meth:`remove`.

    Attributes:
        names: Names of the parts in the model.

    Args:
        model: Segmentor or classifier.
        **options: Arguments of ``torch.compile``.

    Example:
        >>> model = nn.ModuleDict({'backbone': nn.Linear(4, 2)})
        >>> CompiledParts(model, backend='eager').names
        ('backbone',)
    """

    def __init__(self, model: nn.Module, **options: Any) -> None:
        self._parts = dict(_parts_of(model))
        for part in self._parts.values():
            use_plain_numbers(part)
            set_forward(part, _compiled(type(part), options))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parts in the model."""
        return tuple(self._parts)

    def remove(self) -> None:
        """Run the parts as before."""
        for part in self._parts.values():
            reset_forward(part)


def compile_parts(model: nn.Module, **options: Any) -> CompiledParts:
    """Compile encoder, neck and heads, each as a whole.

    Class, keys and hooks of the parts stay; hooks of the parts themselves run
    outside of the compiled code.

    Args:
        model: Segmentor or classifier: its children are the parts. Children
            without a forward pass of their own, such as a list of heads, are
            looked into.
        **options: Arguments of ``torch.compile``.

    Returns:
        Object whose ``remove`` undoes it.

    Example:
        >>> model = nn.ModuleDict({'backbone': nn.Linear(4, 2)})
        >>> compiled = compile_parts(model, backend='eager')
        >>> compiled.names
        ('backbone',)
        >>> model['backbone'](torch.ones(1, 4)).shape
        torch.Size([1, 2])
        >>> compiled.remove()
    """
    return CompiledParts(model, **options)


def use_plain_numbers(module: nn.Module) -> None:
    """Turn the numbers of NumPy among a module's settings into plain ones.

    MMCV takes drop rates from ``numpy.linspace``. torch.compile treats such a
    number as a tensor, and breaks the graph where the code branches on it.

    Args:
        module: Module; it and all modules in it are changed in place.
    """
    for one in module.modules():
        for name, value in vars(one).items():
            if isinstance(value, numpy.number):
                setattr(one, name, value.item())


def _parts_of(
    model: nn.Module, prefix: str = ''
) -> Iterator[tuple[str, nn.Module]]:
    for name, child in model.named_children():
        if name == 'data_preprocessor' or has_own_forward(child):
            continue
        if _computes(child):
            yield f'{prefix}{name}', child
        else:
            yield from _parts_of(child, f'{prefix}{name}.')


def _computes(module: nn.Module) -> bool:
    """Whether a module has a forward pass of its own."""
    return type(module).forward is not nn.Module.forward


def _compiled(
    kind: type[nn.Module], options: dict[str, Any]
) -> Callable[..., Any]:
    compiled = torch.compile(kind.forward, **options)

    def forward(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        return compiled(module, *args, **kwargs)

    return forward
