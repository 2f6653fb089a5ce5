# Copyright (c) gps_seg contributors. Apache-2.0.
"""BitFit: all biases of the encoder (Ben Zaken et al., ACL 2022).

In ``y = W x + b`` and in a norm ``y = g * n(x) + b`` only ``b`` trains. BEiT's
``q_bias`` and ``v_bias`` are biases, tables of relative positions are not. The
method ``bias`` leaves out the norms, so that it differs from GPS in the
selection alone.

The authors' code picks biases of BERT by their names. Here a parameter is a
bias if that is its name in the module that owns it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gps_seg.peft.trains_whole import TrainsWhole
from gps_seg.sparse import Owned


@dataclass(frozen=True, kw_only=True)
class BitFit(TrainsWhole):
    """Train all biases of the encoder and everything outside the encoder.

    Args:
        encoder: Name of the pretrained submodule.

    Example:
        >>> from torch import nn
        >>> backbone = nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4))
        >>> model = nn.ModuleDict({'backbone': backbone})
        >>> for name, role in BitFit().roles(model).items():
        ...     print(name, role.value)
        backbone.0.weight nothing
        backbone.0.bias whole
        backbone.1.weight nothing
        backbone.1.bias whole
    """

    def trained(self, inside: Mapping[str, Owned]) -> Iterable[str]:
        """The biases, those of norms included."""
        return [name for name, owned in inside.items() if owned.is_bias]
