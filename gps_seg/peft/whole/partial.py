# Copyright (c) gps_seg contributors. Apache-2.0.
"""Partial tuning: the last blocks of the encoder (Yosinski et al., 2014).

An encoder ``f = n . b_L . ... . b_1 . e`` of ``L`` blocks trains from block
``L - k + 1`` on: ``k`` blocks, all of their parameters, and what the encoder
has after and between them, such as the final norm ``n``, the norms of all its
outputs (Swin), and the layers that merge patches. This is partial-k of
visual prompt tuning (Jia et al., ECCV 2022).

Modules are taken in the order in which the encoder registers them. ConvNeXt
registers its downsampling before all blocks, so that it stays frozen.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import dropwhile

from gps_seg.peft.numbered_blocks import block_of, last_blocks
from gps_seg.peft.trains_whole import TrainsWhole
from gps_seg.peft.whole.sub_tokens import KeepsSubTokens
from gps_seg.sparse import Owned
from gps_seg.sparse.checks import check_whole


@dataclass(frozen=True, kw_only=True)
class Partial(KeepsSubTokens, TrainsWhole):
    """Train the last blocks of the encoder and everything outside of it.

    Args:
        last_blocks: Number of blocks, from 1 to all of the encoder's.
        encoder: Name of the pretrained submodule.
        velora_groups: Number of parts of each input of which one number is
            kept for approximate gradients (VeLoRA), see
            :class:`~gps_seg.peft.whole.sub_tokens.KeepsSubTokens`; None for
            exact gradients.

    Raises:
        TypeError: If the number is not an integer.
        ValueError: If the number is below 1.

    Example:
        >>> from torch import nn
        >>> blocks = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])
        >>> model = nn.ModuleDict({'backbone': nn.ModuleDict()})
        >>> model['backbone']['layers'] = blocks
        >>> model['backbone']['norm'] = nn.LayerNorm(4)
        >>> roles = Partial(last_blocks=1).roles(model)
        >>> [name for name, role in roles.items() if role.value == 'whole']
        ... # doctest: +NORMALIZE_WHITESPACE
        ['backbone.layers.1.weight', 'backbone.layers.1.bias',
         'backbone.norm.weight', 'backbone.norm.bias']
    """

    last_blocks: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole('last_blocks', self.last_blocks, least=1)

    def trained(self, inside: Mapping[str, Owned]) -> Iterable[str]:
        """All from the first of the last blocks on.

        Raises:
            ValueError: If the encoder has fewer blocks.
        """
        parameters = {name: owned.parameter for name, owned in inside.items()}
        first, *_ = last_blocks(
            parameters, self.encoder, self.last_blocks, least=1
        )
        return dropwhile(
            lambda name: block_of(name, self.encoder) != first, inside
        )
