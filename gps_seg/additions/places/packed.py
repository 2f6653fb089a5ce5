# Copyright (c) gps_seg contributors. Apache-2.0.
"""The self-attention of a block that projects q, k and v at once."""

from dataclasses import dataclass

from torch import nn

from gps_seg.additions.places.blocks import Block


@dataclass(frozen=True)
class PackedAttention:
    """A self-attention with one projection for queries, keys and values.

    Args:
        name: Name of its module, which is ``nn.MultiheadAttention`` or has a
            linear child ``qkv``.
        heads: Number of heads.

    Example:
        >>> PackedAttention('encoder.0.self_attn', 2).heads
        2
    """

    name: str
    heads: int


def packed_attention(model: nn.Module, block: Block) -> PackedAttention:
    """The self-attention of a block over tokens.

    Args:
        model: Model with the block.
        block: One of :func:`gps_seg.additions.places.token_blocks`.

    Raises:
        ValueError: If the block has no such attention.

    Example:
        >>> from gps_seg.additions.places import token_blocks
        >>> layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        >>> model = nn.ModuleDict({'encoder': nn.Sequential(layer)})
        >>> (block,) = token_blocks(model, 'encoder')
        >>> packed_attention(model, block)
        PackedAttention(name='encoder.0.self_attn', heads=2)
    """
    keys = block.map('k')
    if keys is not None and keys.rows == (block.width, 2 * block.width):
        owner, _, _ = keys.weight.rpartition('.')
        name = owner.removesuffix('.qkv')
        heads = getattr(model.get_submodule(name), 'num_heads', None)
        if isinstance(heads, int):
            return PackedAttention(name, heads)
    raise ValueError(
        'prompts: expected an attention with one projection for queries, keys '
        'and values (in_proj_weight or qkv) of the width of the block '
        f'({block.width}), and with num_heads, got '
        f'{[one.weight for one in block.maps]} ({block.name}).'
    )
