# Copyright (c) gps_seg contributors. Apache-2.0.
"""Base class of methods that add something to a frozen encoder."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import nn

from gps_seg.additions import Plan
from gps_seg.peft.method import Choice, SelectsNothing
from gps_seg.sparse import Role, gps_roles


@dataclass(frozen=True, kw_only=True)
class AddsModules(SelectsNothing, ABC):
    """Freeze the encoder; train what is added, and all outside the encoder.

    Args:
        encoder: Name of the pretrained submodule.
    """

    encoder: str = 'backbone'

    def roles(self, model: nn.Module) -> dict[str, Role]:
        """Frozen inside the encoder, the roles of GPS outside."""
        return {
            name: Role.FROZEN if name.startswith(f'{self.encoder}.') else role
            for name, role in gps_roles(model, self.encoder).items()
        }

    @abstractmethod
    def additions(self, model: nn.Module, choice: Choice | None) -> Plan:
        """See :meth:`gps_seg.peft.PeftMethod.additions`."""
