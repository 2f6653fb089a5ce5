# Copyright (c) gps_seg contributors. Apache-2.0.
"""LN-tune: the norms of the encoder (Basu et al., AAAI 2024).

In ``y = g * (x - mean) / std + b`` the weight ``g`` and the bias ``b`` train.
The authors tune LayerNorms of a ViT; here all norms train: layer, group,
batch, RMS. The running statistics of BatchNorm are no parameters. As with
every method they follow the training data, unless the config keeps them
(``norm_eval=True`` of a ResNet).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import nn

from gps_seg.peft.trains_whole import TrainsWhole
from gps_seg.sparse import Owned


@dataclass(frozen=True, kw_only=True)
class Norm(TrainsWhole):
    """Train the norms of the encoder and everything outside the encoder.

    Args:
        encoder: Name of the pretrained submodule.

    Example:
        >>> backbone = nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4))
        >>> model = nn.ModuleDict({'backbone': backbone})
        >>> for name, role in Norm().roles(model).items():
        ...     print(name, role.value)
        backbone.0.weight nothing
        backbone.0.bias nothing
        backbone.1.weight whole
        backbone.1.bias whole
    """

    def trained(self, inside: Mapping[str, Owned]) -> Iterable[str]:
        """Weight and bias of each norm."""
        return [
            name
            for name, owned in inside.items()
            if _is_norm(owned.module) and owned.attribute in ('weight', 'bias')
        ]


def _is_norm(module: nn.Module) -> bool:
    """Whether its class, or one that this inherits from, is called a norm.

    The norms of PyTorch have no common class, and some backbones have norms
    of their own.
    """
    return any(cls.__name__.endswith('Norm') for cls in type(module).__mro__)
