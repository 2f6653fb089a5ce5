# Copyright (c) gps_seg contributors. Apache-2.0.
"""Rein: trained tokens that refine the features behind every block.

Wei et al., CVPR 2024; see
:mod:`gps_seg.additions.kinds.tokens.token_refinement` for the equations. The
authors also turn the tokens into queries of a Mask2Former head. Here the head
stays what the config says, so that the methods differ in the encoder alone.
"""

from dataclasses import dataclass

from torch import nn

from gps_seg.additions import Added, Place, Plan
from gps_seg.additions.places import blocks, num_prefix_tokens
from gps_seg.peft.adding import AddsModules
from gps_seg.peft.method import Choice
from gps_seg.sparse.checks import check_positive, check_whole


@dataclass(frozen=True, kw_only=True)
class Rein(AddsModules):
    """Refine the features behind every block of a frozen encoder.

    The refinement of the first step is small, but not zero.

    Args:
        encoder: Name of the pretrained submodule; everything outside of it
            trains whole.
        tokens: Number of tokens of each block.
        rank: Rank of the matrix of tokens.
        scale: Initial factor of the refinement; it trains.

    Raises:
        TypeError: If a value has the wrong type.
        ValueError: If a value is out of range.

    Example:
        >>> Rein(tokens=100, rank=16)
        Rein(encoder='backbone', tokens=100, rank=16, scale=0.001)
    """

    tokens: int = 100
    rank: int = 16
    scale: float = 0.001

    def __post_init__(self) -> None:
        check_whole('tokens', self.tokens, least=2)
        check_whole('rank', self.rank, least=1)
        check_positive('scale', self.scale)

    def additions(self, model: nn.Module, choice: Choice | None) -> Plan:
        """One refinement, which acts behind all blocks of the encoder."""
        found = blocks(model, self.encoder)
        if not found:
            encoder = type(model.get_submodule(self.encoder)).__name__
            raise ValueError(
                'encoder: expected blocks of a transformer or a ConvNeXt, got '
                f"{encoder} ('{self.encoder}') without. Tune this encoder by "
                'a method that trains what is there.'
            )
        self._check_rank(min(block.width for block in found))
        start = f'{self.encoder}.'
        settings = {
            'blocks': [block.name.removeprefix(start) for block in found],
            'widths': [block.width for block in found],
            'layouts': [block.layout for block in found],
            'tokens': self.tokens,
            'rank': self.rank,
            'prefix': num_prefix_tokens(model, self.encoder),
            'scale': self.scale,
        }
        return Plan([Added('token_refinement', Place(self.encoder), settings)])

    def _check_rank(self, width: int) -> None:
        most = min(width, self.tokens)
        if self.rank > most:
            raise ValueError(
                f'rank: expected 1 to {most}, the smaller of the number of '
                f'tokens and of the width of the blocks, got {self.rank}.'
            )
