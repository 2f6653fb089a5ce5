# Copyright (c) gps_seg contributors. Apache-2.0.
"""Bias tuning: GPS without a single selected connection.

The biases are exactly those that GPS trains (of Linear, convolution and
attention layers; not those of norms), so that the difference between the two
is the selection alone. BitFit (Ben Zaken et al., 2022) also trains the norms'
biases.
"""

from dataclasses import dataclass

from torch import nn

from gps_seg.peft.by_rules import ByRules
from gps_seg.peft.method import SelectsNothing
from gps_seg.sparse import Role


@dataclass(frozen=True, kw_only=True)
class Bias(ByRules, SelectsNothing):
    """Train the encoder's biases and all that lies outside the encoder."""

    def roles(self, model: nn.Module) -> dict[str, Role]:
        """As for GPS, with the connections frozen."""
        return {
            name: Role.FROZEN if role is Role.SELECTED else role
            for name, role in super().roles(model).items()
        }
