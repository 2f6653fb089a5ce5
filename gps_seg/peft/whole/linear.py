# Copyright (c) gps_seg contributors. Apache-2.0.
"""Linear tuning: train everything outside the frozen encoder."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gps_seg.peft.trains_whole import TrainsWhole
from gps_seg.sparse import Owned


@dataclass(frozen=True, kw_only=True)
class Linear(TrainsWhole):
    """Train only the parameters outside the encoder (neck and heads).

    Args:
        encoder: Name of the pretrained submodule.

    Example:
        >>> from torch import nn
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

    @property
    def tunes_encoder(self) -> bool:
        """No: it is frozen."""
        return False

    def trained(self, inside: Mapping[str, Owned]) -> Iterable[str]:
        """Nothing inside the encoder."""
        return ()
