# Copyright (c) gps_seg contributors. Apache-2.0.
"""Houlsby: bottlenecks behind attention and MLP (Houlsby et al., ICML 2019).

``h <- h + U f(D h + d) + u``, where ``h`` is the output of the attention or
of the MLP before it is added to the residual stream.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from gps_seg.peft.added.adapter import Adapter


@dataclass(frozen=True, kw_only=True)
class Houlsby(Adapter):
    """Add a bottleneck behind the attention and the MLP of each block.

    Args:
        encoder: Name of the pretrained submodule; everything outside of it
            trains whole.
        rank: See :class:`Adapter`.
        reduction: See :class:`Adapter`.
        activation: See :class:`Adapter`.
        init: See :class:`Adapter`; the paper has ``'near_zero'``, with which
            the model first computes nearly what it did before.

    Raises:
        TypeError: If a value has the wrong type.
        ValueError: If a value is out of range, or there are both a rank and a
            reduction.

    Example:
        >>> from torch import nn
        >>> from gps_seg.peft import tune
        >>> layer = nn.TransformerEncoderLayer(16, 2, 32)
        >>> model = nn.ModuleDict(
        ...     {'backbone': nn.Sequential(layer), 'head': nn.Linear(16, 2)}
        ... )
        >>> tune(model, Houlsby(rank=4), losses=[], seed=0)
        Trainable(330 values: 0 selected entries, 330 in whole tensors)
    """

    behind: ClassVar[Sequence[str]] = ('proj', 'fc2')

    init: str = 'near_zero'
