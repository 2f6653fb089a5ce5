# Copyright (c) gps_seg contributors. Apache-2.0.
"""Base class of methods that add something to a frozen encoder."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import nn

from gps_seg.additions import Plan
from gps_seg.peft.method import Choice
from gps_seg.peft.trains_whole import TrainsWhole
from gps_seg.sparse import Owned


@dataclass(frozen=True, kw_only=True)
class AddsModules(TrainsWhole):
    """Freeze the encoder; train what is added, and all outside the encoder.

    Args:
        encoder: Name of the pretrained submodule.
    """

    def trained(self, inside: Mapping[str, Owned]) -> Iterable[str]:
        """Nothing that is there: the encoder is frozen."""
        return ()

    @abstractmethod
    def additions(self, model: nn.Module, choice: Choice | None) -> Plan:
        """See :meth:`gps_seg.peft.PeftMethod.additions`."""
