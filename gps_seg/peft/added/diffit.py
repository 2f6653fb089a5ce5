# Copyright (c) gps_seg contributors. Apache-2.0.
"""DiffFit: biases, norms and a scale of each branch (Xie et al., ICCV 2023).

The biases and norms of the encoder train whole. What each branch of a block
returns, attention and MLP, is multiplied by new factors that are 1 at the
start: ``x + g * Attn(x)`` and ``x + g * MLP(x)``. They stand behind the last
linear map of the branch.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import nn

from gps_seg.additions import Added, Plan
from gps_seg.additions.places import maps_among
from gps_seg.peft.adding import AddsModules
from gps_seg.peft.method import Choice
from gps_seg.peft.whole.bitfit import BitFit
from gps_seg.peft.whole.norm import Norm
from gps_seg.sparse import Owned

_LAST_OF_BRANCH = ('proj', 'fc2')


@dataclass(frozen=True, kw_only=True)
class DiffFit(AddsModules):
    """Train biases and norms, and scale the branches of each block.

    Args:
        encoder: Name of the pretrained submodule; everything outside of it
            trains whole.

    Example:
        >>> from gps_seg.peft import tune
        >>> layer = nn.TransformerEncoderLayer(8, 2, 16)
        >>> model = nn.ModuleDict({'backbone': layer})
        >>> tune(model, DiffFit(), losses=[], seed=0)
        Trainable(104 values: 0 selected entries, 104 in whole tensors)
    """

    def trained(self, inside: Mapping[str, Owned]) -> Iterable[str]:
        """Biases and norms."""
        return [*BitFit().trained(inside), *Norm().trained(inside)]

    def additions(self, model: nn.Module, choice: Choice | None) -> Plan:
        """Factors of what each branch returns."""
        settings = {'shift': False, 'spread': 0.0}
        return Plan(
            Added('scale_outputs', one.place, settings)
            for one in maps_among(model, self.encoder, _LAST_OF_BRANCH)
        )
