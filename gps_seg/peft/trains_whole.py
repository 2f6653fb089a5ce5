# Copyright (c) gps_seg contributors. Apache-2.0.
"""Base class of methods that train some parameters of the encoder whole."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import nn

from gps_seg.peft.selects_nothing import SelectsNothing
from gps_seg.sparse import Owned, Role, gps_roles, owned_parameters
from gps_seg.sparse.rules import RuleTable

_NOTHING = RuleTable(standard=())


@dataclass(frozen=True, kw_only=True)
class TrainsWhole(SelectsNothing, ABC):
    """Train some parameters of the encoder, and all outside of it.

    A parameter with ``requires_grad=False`` stays frozen.

    Args:
        encoder: Name of the pretrained submodule.
    """

    encoder: str = 'backbone'

    @abstractmethod
    def trained(self, inside: Mapping[str, Owned]) -> Iterable[str]:
        """Names of the parameters of the encoder that should train.

        Args:
            inside: All parameters of the encoder, by their name in the model,
                in module order.

        Raises:
            ValueError: If the settings do not fit the encoder.
        """

    def roles(self, model: nn.Module) -> dict[str, Role]:
        """``WHOLE`` for :meth:`trained` and outside the encoder."""
        roles = gps_roles(model, self.encoder, _NOTHING)
        inside = {
            name: owned
            for name, owned in owned_parameters(model)
            if name.startswith(f'{self.encoder}.')
        }
        for name in self.trained(inside):
            if inside[name].parameter.requires_grad:
                roles[name] = Role.WHOLE
        return roles
