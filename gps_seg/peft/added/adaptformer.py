# Copyright (c) gps_seg contributors. Apache-2.0.
"""AdaptFormer: bottlenecks parallel to the MLPs (Chen et al., NeurIPS 2022).

``x <- x + MLP(LN(x)) + s (U dropout(f(D x + d)) + u)``, where ``x`` is the
residual stream. A block of ConvNeXt has one branch, so the bottleneck is
parallel to all of it.
"""

from dataclasses import dataclass

from torch import nn

from gps_seg.additions import Added, Plan
from gps_seg.additions.activations import activation_of
from gps_seg.additions.places import stream_entries
from gps_seg.peft.adding import AddsModules
from gps_seg.peft.method import Choice
from gps_seg.sparse.checks import check_dropout, check_positive, check_whole


@dataclass(frozen=True, kw_only=True)
class AdaptFormer(AddsModules):
    """Add a bottleneck beside the MLP of each block of a frozen encoder.

    Args:
        encoder: Name of the pretrained submodule; everything outside of it
            trains whole.
        rank: Width of the bottlenecks.
        scale: Factor of their outputs.
        dropout: Probability to drop a value in a bottleneck.
        activation: ``'relu'``, ``'gelu'`` or ``'silu'``.

    Raises:
        TypeError: If a value has the wrong type.
        ValueError: If a value is out of range.

    Example:
        >>> from gps_seg.peft import tune
        >>> layer = nn.TransformerEncoderLayer(16, 2, 32, norm_first=True)
        >>> model = nn.ModuleDict(
        ...     {'backbone': nn.Sequential(layer), 'head': nn.Linear(16, 2)}
        ... )
        >>> tune(model, AdaptFormer(rank=4), losses=[], seed=0)
        Trainable(182 values: 0 selected entries, 182 in whole tensors)
    """

    rank: int = 64
    scale: float = 0.1
    dropout: float = 0.1
    activation: str = 'relu'

    def __post_init__(self) -> None:
        check_whole('rank', self.rank, least=1)
        check_positive('scale', self.scale)
        check_dropout('dropout', self.dropout)
        activation_of(self.activation)

    def additions(self, model: nn.Module, choice: Choice | None) -> Plan:
        """A bottleneck for each block."""
        settings = {
            'rank': self.rank,
            'scale': self.scale,
            'dropout': self.dropout,
            'activation': self.activation,
        }
        return Plan(
            Added(
                'stream_bottleneck',
                one.place,
                {'width': one.width, **settings, 'stream': one.settings},
            )
            for one in stream_entries(model, self.encoder)
        )
