# Copyright (c) gps_seg contributors. Apache-2.0.
"""Mona: bottlenecks with depthwise convolutions (Yin et al., CVPR 2025).

They act on the residual stream, behind the attention and behind the MLP of
each block; see :mod:`gps_seg.additions.kinds.features.depthwise_bottleneck`
for the equations. The paper has them in Swin; here ViT and ConvNeXt can have
them, too. A block of ConvNeXt has one branch, and gets one behind it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from gps_seg.additions import Added, Place, Plan
from gps_seg.additions.grid import SIZE_ARGUMENT, takes_size
from gps_seg.additions.places import (
    StreamEntry,
    num_prefix_tokens,
    stream_entries,
)
from gps_seg.peft.adding import AddsModules
from gps_seg.peft.method import Choice
from gps_seg.sparse.checks import check_rate, check_whole

#: Child of a ViT that turns an image into tokens.
_PATCHES = 'patch_embed'


@dataclass(frozen=True, kw_only=True)
class Mona(AddsModules):
    """Add bottlenecks with depthwise convolutions to a frozen encoder.

    Args:
        encoder: Name of the pretrained submodule; everything outside of it
            trains whole.
        rank: Width of the bottlenecks.
        dropout: Probability to drop a value in a bottleneck.

    Raises:
        TypeError: If a value has the wrong type.
        ValueError: If a value is out of range.

    Example:
        >>> Mona(rank=16)
        Mona(encoder='backbone', rank=16, dropout=0.1)
    """

    rank: int = 64
    dropout: float = 0.1

    def __post_init__(self) -> None:
        check_whole('rank', self.rank, least=1)
        check_rate('dropout', self.dropout)

    def additions(self, model: nn.Module, choice: Choice | None) -> Plan:
        """One addition, with bottlenecks for all blocks."""
        entries = stream_entries(model, self.encoder)
        shared = [e.block for e in entries if e.mlp and not e.norm]
        if shared:
            raise ValueError(
                'encoder: expected blocks with a norm of their own before the '
                f'MLP, got none in {shared[0]}. Tune this encoder by a method '
                'that acts beside or behind the MLP.'
            )
        start = f'{self.encoder}.'
        settings = {
            'blocks': [one.block.removeprefix(start) for one in entries],
            'widths': [one.width for one in entries],
            'streams': [one.settings for one in entries],
            'rank': self.rank,
            'dropout': self.dropout,
            'prefix': num_prefix_tokens(model, self.encoder),
            'patches': self._patches(model, entries),
        }
        place = Place(self.encoder)
        return Plan([Added('depthwise_bottleneck', place, settings)])

    def _patches(
        self, model: nn.Module, entries: Sequence[StreamEntry]
    ) -> str | None:
        """Child that knows height and width; None if the blocks know them."""
        blocks = [model.get_submodule(one.block) for one in entries]
        if all(
            takes_size(block) or one.axis == 1
            for block, one in zip(blocks, entries, strict=True)
        ):
            return None
        encoder = model.get_submodule(self.encoder)
        if isinstance(getattr(encoder, _PATCHES, None), nn.Module):
            return _PATCHES
        raise ValueError(
            'encoder: expected blocks that take maps or get '
            f'{SIZE_ARGUMENT}, or a child {_PATCHES} that returns it, got '
            f"{type(encoder).__name__} ('{self.encoder}'). Use an encoder of "
            'MMSegmentation or MMPretrain.'
        )
