# Copyright (c) gps_seg contributors. Apache-2.0.
"""Linear tuning: the encoder stays as it is, the rest trains."""

from dataclasses import dataclass

from torch import nn

from gps_seg.peft.method import SelectsNothing
from gps_seg.sparse import Role, gps_roles


@dataclass(frozen=True, kw_only=True)
class Linear(SelectsNothing):
    """Train only what lies outside the encoder (neck and heads)."""

    encoder: str = 'backbone'

    @property
    def tunes_encoder(self) -> bool:
        """It stays as it is."""
        return False

    def roles(self, model: nn.Module) -> dict[str, Role]:
        """Frozen in the encoder, as for GPS outside of it."""
        return {
            name: Role.FROZEN if name.startswith(f'{self.encoder}.') else role
            for name, role in gps_roles(model, self.encoder).items()
        }
