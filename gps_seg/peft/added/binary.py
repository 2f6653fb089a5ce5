# Copyright (c) gps_seg contributors. Apache-2.0.
"""Binary adapters: bottlenecks of few values (Jie et al., ICCV 2023).

``x <- x + MLP(LN(x)) + s Q(U) dropout(relu(Q(D) x))``, where ``Q`` gives every
entry of a matrix one of ``2 ** bits`` values. The gradient goes straight
through ``Q``. A delta has the few values and, for each entry, the bits.
"""

from dataclasses import dataclass

from torch import nn

from gps_seg.additions import Added, Plan
from gps_seg.additions.places import stream_entries
from gps_seg.additions.quantization import check_bits
from gps_seg.peft.adding import AddsModules
from gps_seg.peft.method import Choice
from gps_seg.sparse.checks import check_positive, check_rate, check_whole


@dataclass(frozen=True, kw_only=True)
class Binary(AddsModules):
    """Add a bottleneck of few values beside the MLP of each block.

    The model starts close to the pretrained one, not at it.

    Args:
        encoder: Name of the pretrained submodule; everything outside of it
            trains whole.
        rank: Width of the bottlenecks.
        bits: Bits per value, 1 to 4.
        scale: Factor of their outputs.
        dropout: Probability to drop a value in a bottleneck.

    Raises:
        TypeError: If a value has the wrong type.
        ValueError: If a value is out of range.

    Example:
        >>> from gps_seg.peft import tune
        >>> layer = nn.TransformerEncoderLayer(16, 2, 32, norm_first=True)
        >>> model = nn.ModuleDict(
        ...     {'backbone': nn.Sequential(layer), 'head': nn.Linear(16, 2)}
        ... )
        >>> tune(model, Binary(rank=4), losses=[], seed=0)
        Trainable(162 values: 0 selected entries, 162 in whole tensors)
    """

    rank: int = 32
    bits: int = 1
    scale: float = 1.0
    dropout: float = 0.1

    def __post_init__(self) -> None:
        check_whole('rank', self.rank, least=1)
        check_whole('bits', self.bits, least=1)
        check_bits(self.bits)
        check_positive('scale', self.scale)
        check_rate('dropout', self.dropout)

    def additions(self, model: nn.Module, choice: Choice | None) -> Plan:
        """A bottleneck for each block."""
        settings = {
            'rank': self.rank,
            'bits': self.bits,
            'scale': self.scale,
            'dropout': self.dropout,
        }
        return Plan(
            Added(
                'quantized_bottleneck',
                one.place,
                {'width': one.width, **settings, 'stream': one.settings},
            )
            for one in stream_entries(model, self.encoder)
        )
