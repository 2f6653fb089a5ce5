# Copyright (c) gps_seg contributors. Apache-2.0.
"""(IA)^3: factors of keys, values and hidden units (Liu et al., NeurIPS 2022).

In a block, ``k <- l_k * k``, ``v <- l_v * v``, and the second layer of the MLP
sees ``l_ff * h``. All factors are 1 at the start. An encoder without attention
has factors of the hidden units alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from gps_seg.additions import Added, Plan
from gps_seg.additions.places import LinearMap, maps_among
from gps_seg.peft.adding import AddsModules
from gps_seg.peft.method import Choice

_OUTPUTS = 'scale_outputs', {'shift': False, 'spread': 0.0}

#: Kind of linear map -> kind and settings of what is added to it.
_ADDED: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    'k': _OUTPUTS,
    'v': _OUTPUTS,
    'fc2': ('scale_inputs', {}),
}


@dataclass(frozen=True, kw_only=True)
class IA3(AddsModules):
    """Scale keys, values and hidden units of a frozen encoder.

    Args:
        encoder: Name of the pretrained submodule; everything outside of it
            trains whole.

    Example:
        >>> from gps_seg.peft import tune
        >>> attention = nn.MultiheadAttention(16, 2)
        >>> model = nn.ModuleDict({'backbone': attention})
        >>> tune(model, IA3(), losses=[], seed=0)
        Trainable(32 values: 0 selected entries, 32 in whole tensors)
    """

    def additions(self, model: nn.Module, choice: Choice | None) -> Plan:
        """Factors for each block."""
        return Plan(
            _factors(one) for one in maps_among(model, self.encoder, _ADDED)
        )


def _factors(one: LinearMap) -> Added:
    kind, settings = _ADDED[one.kind]
    return Added(kind, one.place, settings)
