# Copyright (c) gps_seg contributors. Apache-2.0.
"""Bias tuning: GPS without a single selected connection.

The biases are exactly those that GPS trains (of Linear, convolution and
attention layers, not of norms), so that the methods differ only in the
selection. BitFit (Ben Zaken et al., 2022) also trains the biases of norms.
"""

from dataclasses import dataclass

from torch import nn

from gps_seg.peft.by_rules import ByRules
from gps_seg.peft.selects_nothing import SelectsNothing
from gps_seg.sparse import Role


@dataclass(frozen=True, kw_only=True)
class Bias(ByRules, SelectsNothing):
    """Train the encoder's biases and everything outside the encoder.

    Args:
        encoder: Name of the pretrained submodule.
        rules: Rows of the rule table above the standard ones.

    Example:
        >>> model = nn.ModuleDict(
        ...     {'backbone': nn.Linear(4, 4), 'head': nn.Linear(4, 2)}
        ... )
        >>> Bias().roles(model)['backbone.weight']
        <Role.FROZEN: 'nothing'>
    """

    def roles(self, model: nn.Module) -> dict[str, Role]:
        """The roles of GPS, with the connections frozen."""
        return {
            name: Role.FROZEN if role is Role.SELECTED else role
            for name, role in super().roles(model).items()
        }
