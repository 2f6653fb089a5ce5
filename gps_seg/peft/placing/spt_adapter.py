# Copyright (c) gps_seg contributors. Apache-2.0.
"""SPT with adapters (He et al., ICCV 2023)."""

from dataclasses import dataclass

from gps_seg.additions import Added
from gps_seg.additions.places import LinearMap
from gps_seg.peft.placing.spt import SPT


@dataclass(frozen=True, kw_only=True)
class SPTAdapter(SPT):
    """SPT with adapters behind the maps.

    Args:
        encoder: Name of the pretrained submodule; everything outside of it
            trains whole.
        budget: Largest number of values that train inside the encoder.
        rank: Width of the adapters.

    Raises:
        TypeError: If a value has the wrong type.
        ValueError: If a value is out of range.

    Example:
        >>> SPTAdapter(budget=200_000).rank
        8
    """

    def module_at(self, one: LinearMap) -> Added:
        """An adapter on the outputs of the map."""
        names = {'activation': 'gelu', 'init': 'zero_up'}
        settings = {'rank': self.rank, **names}
        return Added('bottleneck', one.place, settings)
