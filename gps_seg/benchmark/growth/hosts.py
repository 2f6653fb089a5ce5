# Copyright (c) gps_seg contributors. Apache-2.0.
"""Vision transformers of any width and of few blocks.

The cost of a plain ViT is a fixed part plus the number of its blocks times the
cost of one. So two short models are enough to compute the cost of a long one.
The head reads the last block alone at every depth, to keep the fixed part the
same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmseg.utils import register_all_modules
from torch import nn

from gps_seg.benchmark.architectures import (
    ARCHITECTURES,
    build_segmentor,
    light_head,
    segmentor_of,
)
from gps_seg.benchmark.growth.block_costs import Block

PATCH = 16
MLP_RATIO = 4


@dataclass(frozen=True)
class ViT:
    """A plain vision transformer with patches of 16 pixels.

    Args:
        width: Length of a token.
        heads: Number of heads of attention.
        library: Library that its class comes from.
    """

    width: int
    heads: int
    library: str = 'mmpretrain'

    def config(self, size: int, blocks: int) -> dict[str, Any]:
        """Config of the encoder.

        Args:
            size: Side of the square input in pixels.
            blocks: Number of blocks.
        """
        shape = dict(
            embed_dims=self.width,
            num_layers=blocks,
            num_heads=self.heads,
        )
        common = dict(
            type=f'{self.library}.VisionTransformer',
            img_size=(size, size),
            patch_size=PATCH,
            out_indices=(blocks - 1,),
        )
        if self.library == 'mmseg':
            return common | shape
        shape['feedforward_channels'] = MLP_RATIO * self.width
        return common | {'arch': shape, 'out_type': 'featmap'}

    def block(self, size: int) -> Block:
        """Shape of a block for images of ``size`` x ``size`` pixels."""
        return Block(
            tokens_of(size), self.width, self.heads, MLP_RATIO * self.width
        )


VITS: Mapping[str, ViT] = {
    'vit-t': ViT(192, 3),
    'vit-s': ViT(384, 6),
    'vit-b': ViT(768, 12),
    'vit-l': ViT(1024, 16),
    'mmseg-vit-b': ViT(768, 12, 'mmseg'),
    # To try the tool in seconds.
    'vit-tiny': ViT(32, 2),
    'vit-tinier': ViT(16, 2),
}


def tokens_of(size: int) -> int:
    """Number of tokens: one per patch, and the class token.

    Example:
        >>> tokens_of(512)
        1025
    """
    return (size // PATCH) ** 2 + 1


def build_host(
    host: str,
    size: int,
    blocks: int | None,
    checkpoint: str | None = None,
) -> nn.Module:
    """Build a segmentor in training mode on the CPU.

    Args:
        host: Key of :data:`VITS`, or of
            :data:`~gps_seg.benchmark.ARCHITECTURES`.
        size: Side of the square input in pixels.
        blocks: Number of blocks of a ViT; None for another architecture, which
            has all of its blocks.
        checkpoint: Weights of an architecture's encoder; None for random ones.
    """
    if blocks is None:
        return build_segmentor(host, size, seed=0, checkpoint=checkpoint)
    register_all_modules()
    vit = VITS[host]
    head = light_head((vit.width,))
    return segmentor_of(vit.config(size, blocks), head, seed=0)


def is_host(name: str) -> bool:
    """Whether a segmentor of that name can be built."""
    return name in VITS or name in ARCHITECTURES
