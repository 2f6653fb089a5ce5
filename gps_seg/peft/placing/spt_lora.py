# Copyright (c) gps_seg contributors. Apache-2.0.
"""SPT with updates of low rank (He et al., ICCV 2023)."""

from dataclasses import dataclass

from gps_seg.additions import Added
from gps_seg.additions.places import LinearMap
from gps_seg.peft.placing.spt import SPT


@dataclass(frozen=True, kw_only=True)
class SPTLoRA(SPT):
    """SPT with updates of low rank, which can be merged.

    Args:
        encoder: Name of the pretrained submodule; everything outside of it
            trains whole.
        budget: Largest number of values that train inside the encoder.
        rank: Rank of the updates.

    Raises:
        TypeError: If a value has the wrong type.
        ValueError: If a value is out of range.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from gps_seg.peft import tune
        >>> _ = torch.manual_seed(0)
        >>> attention = nn.MultiheadAttention(16, 2)
        >>> model = nn.ModuleDict({'backbone': attention})
        >>> x = torch.randn(5, 1, 16)
        >>> loss = lambda: attention(x, x, x)[0].square().mean()
        >>> method = SPTLoRA(budget=200, rank=2)
        >>> tuned = tune(model, method, losses=[loss], seed=0)
        >>> 100 < sum(tuned.count().values()) <= 200
        True
    """

    def module_at(self, one: LinearMap) -> Added:
        """An update with the factor 1."""
        settings = {'rank': self.rank, 'scale': 1.0, 'dropout': 0.0}
        return Added('low_rank', one.place, settings)
