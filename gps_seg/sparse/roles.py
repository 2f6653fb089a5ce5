# Copyright (c) gps_seg contributors. Apache-2.0.
"""The parts that a parameter can play in tuning, and whose parameter it is."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from torch import nn


class Role(Enum):
    """Part of a parameter that trains."""

    SELECTED = 'selected entries'
    WHOLE = 'whole'
    FROZEN = 'nothing'


@dataclass(frozen=True)
class Owned:
    """A parameter with the module that owns it."""

    parameter: nn.Parameter
    module: nn.Module
    attribute: str

    def __repr__(self) -> str:
        return f'Owned({self.kind}, shape {tuple(self.parameter.shape)})'

    @property
    def kind(self) -> str:
        """Class of the module and attribute, such as ``'Linear.weight'``."""
        return f'{type(self.module).__name__}.{self.attribute}'


def owned_parameters(model: nn.Module) -> Iterator[tuple[str, Owned]]:
    """Every parameter once, by its first name, in the order of the modules."""
    seen = set()
    for prefix, module in model.named_modules():
        for attribute, parameter in module.named_parameters(recurse=False):
            if parameter not in seen:
                seen.add(parameter)
                name = f'{prefix}.{attribute}' if prefix else attribute
                yield name, Owned(parameter, module, attribute)
