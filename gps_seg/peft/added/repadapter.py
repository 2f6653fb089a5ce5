# Copyright (c) gps_seg contributors. Apache-2.0.
"""RepAdapter: linear bottlenecks before attention and MLP (Luo et al., 2023).

``x <- x + s (B dropout(A x + a) + c)``, where ``x`` is what the attention or
the MLP takes, behind the norm. ``B`` is a convolution in two groups, with a
kernel of one pixel. All of it is linear, so it is folded into the projection
of q, k and v and into the first layer of the MLP when it is merged.

An attention that computes q, k and v apart, such as MMCV's, draws the dropout
for each of them; the authors draw it once.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from gps_seg.additions import Added, Place, Plan
from gps_seg.additions.places import Block, blocks
from gps_seg.peft.adding import AddsModules
from gps_seg.peft.method import Choice
from gps_seg.sparse.checks import check_positive, check_rate, check_whole

#: Number of groups of the map out of a bottleneck, as published.
_GROUPS = 2

#: Kinds of the maps whose inputs are those of the attention.
_INPUTS = ('q', 'k', 'v')


@dataclass(frozen=True, kw_only=True)
class RepAdapter(AddsModules):
    """Add a linear bottleneck before each attention and MLP of an encoder.

    A block of ConvNeXt gets one before its MLP.

    Args:
        encoder: Name of the pretrained submodule; everything outside of it
            trains whole.
        rank: Width of the bottlenecks, an even number.
        scale: Factor of what they add.
        dropout: Probability to drop a value in a bottleneck.

    Raises:
        TypeError: If a value has the wrong type.
        ValueError: If a value is out of range.

    Example:
        >>> from gps_seg.peft import tune
        >>> layer = nn.TransformerEncoderLayer(16, 2, 32)
        >>> model = nn.ModuleDict(
        ...     {'backbone': nn.Sequential(layer), 'head': nn.Linear(16, 2)}
        ... )
        >>> tune(model, RepAdapter(rank=4), losses=[], seed=0)
        Trainable(266 values: 0 selected entries, 266 in whole tensors)
    """

    rank: int = 8
    scale: float = 1.0
    dropout: float = 0.1

    def __post_init__(self) -> None:
        check_whole('rank', self.rank, least=1)
        if self.rank % _GROUPS:
            raise ValueError(
                f'rank: expected an even number, as the map out of the '
                f'bottleneck has {_GROUPS} groups, got {self.rank}.'
            )
        check_positive('scale', self.scale)
        check_rate('dropout', self.dropout)

    def additions(self, model: nn.Module, choice: Choice | None) -> Plan:
        """A bottleneck before each of the maps."""
        settings = {
            'rank': self.rank,
            'groups': _GROUPS,
            'scale': self.scale,
            'dropout': self.dropout,
        }
        found = blocks(model, self.encoder)
        places = [one for block in found for one in _places(block)]
        if not found or None in places:
            kind = type(model.get_submodule(self.encoder)).__name__
            raise ValueError(
                'encoder: expected blocks with one linear map for q, k and v, '
                f"and a linear MLP, got {kind} ('{self.encoder}'), "
                f'{"with blocks of others" if found else "without blocks"}. '
                'Tune this encoder by a method that trains what is there.'
            )
        return Plan(
            Added('linear_bottleneck', place, settings)
            for place in filter(None, places)
        )


def _places(block: Block) -> Iterator[Place | None]:
    """The weights that take what is changed; None for one that is missing."""
    if block.attention is not None:
        inputs = {one.weight for one in block.maps if one.kind in _INPUTS}
        yield Place(inputs.pop()) if len(inputs) == 1 else None
    first = block.map('fc1')
    yield None if first is None else first.place
