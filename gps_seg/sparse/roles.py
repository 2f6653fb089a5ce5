# Copyright (c) gps_seg contributors. Apache-2.0.
"""The role of a parameter in tuning, and the module that owns it."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from torch import nn


class Role(Enum):
    """Which part of a parameter trains: selected entries, all, or nothing.

    Example:
        >>> Role.SELECTED.value
        'selected entries'
    """

    SELECTED = 'selected entries'
    WHOLE = 'whole'
    FROZEN = 'nothing'


@dataclass(frozen=True)
class Owned:
    """A parameter with the module that owns it.

    Args:
        parameter: Parameter of a model.
        module: Module that owns it.
        attribute: Name of the parameter in that module.

    Example:
        >>> layer = nn.Linear(16, 8)
        >>> Owned(layer.weight, layer, 'weight')
        Owned(Linear.weight, shape (8, 16))
    """

    parameter: nn.Parameter
    module: nn.Module
    attribute: str

    def __repr__(self) -> str:
        return f'Owned({self.kind}, shape {tuple(self.parameter.shape)})'

    @property
    def kind(self) -> str:
        """Class of the module and attribute, such as ``'Linear.weight'``."""
        return f'{type(self.module).__name__}.{self.attribute}'

    @property
    def is_bias(self) -> bool:
        """Whether it is a bias: ``bias``, ``in_proj_bias``, ``q_bias``."""
        return self.attribute.endswith('bias')


def owned_parameters(model: nn.Module) -> Iterator[tuple[str, Owned]]:
    """Yield every parameter once, with its first name, in module order.

    Example:
        >>> model = nn.Sequential(nn.Linear(4, 2), nn.LayerNorm(2))
        >>> for name, owned in owned_parameters(model):
        ...     print(name, owned.kind)
        0.weight Linear.weight
        0.bias Linear.bias
        1.weight LayerNorm.weight
        1.bias LayerNorm.bias
    """
    seen = set()
    for prefix, module in model.named_modules():
        for attribute, parameter in module.named_parameters(recurse=False):
            if parameter not in seen:
                seen.add(parameter)
                name = f'{prefix}.{attribute}' if prefix else attribute
                yield name, Owned(parameter, module, attribute)
