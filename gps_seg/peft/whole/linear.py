# Copyright (c) gps_seg contributors. Apache-2.0.
"""Linear tuning: train everything outside the frozen encoder."""

from dataclasses import dataclass

from torch import nn

from gps_seg.peft.method import SelectsNothing
from gps_seg.sparse import Role, gps_roles


@dataclass(frozen=True, kw_only=True)
class Linear(SelectsNothing):
    """Train only the parameters outside the encoder (neck and heads).

    Args:
        encoder: Name of the pretrained submodule.

    Example:
        >>> model = nn.ModuleDict(
        ...     {'backbone': nn.Linear(4, 4), 'head': nn.Linear(4, 2)}
        ... )
        >>> for name, role in Linear().roles(model).items():
        ...     print(name, role.value)
        backbone.weight nothing
        backbone.bias nothing
        head.weight whole
        head.bias whole
    """

    encoder: str = 'backbone'

    @property
    def tunes_encoder(self) -> bool:
        """No: it is frozen."""
        return False

    def roles(self, model: nn.Module) -> dict[str, Role]:
        """Frozen inside the encoder, the roles of GPS outside."""
        return {
            name: Role.FROZEN if name.startswith(f'{self.encoder}.') else role
            for name, role in gps_roles(model, self.encoder).items()
        }
