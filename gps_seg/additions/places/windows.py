# Copyright (c) gps_seg contributors. Apache-2.0.
"""The attention within the windows of a Swin Transformer."""

from torch import Tensor, nn

from gps_seg.additions.places.blocks import Block, blocks

#: What the attention of MMSegmentation and MMPretrain calls, in this order.
_CALLED = ('qkv', 'softmax', 'attn_drop', 'proj')


def window_attentions(
    model: nn.Module, encoder: str
) -> list[tuple[Block, str]]:
    """The blocks of a Swin Transformer, and their attention in a window.

    The list is empty for any other encoder, for Swin V2, whose attention is
    another one, and for a Swin that computes its attention in one call.

    Args:
        model: Model with the encoder.
        encoder: Name of the child to look in, such as ``'backbone'``.

    Raises:
        ValueError: If the model has no such child.

    Example:
        >>> layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        >>> model = nn.ModuleDict({'encoder': nn.Sequential(layer)})
        >>> window_attentions(model, 'encoder')
        []
    """
    found = [
        (block, name)
        for block in blocks(model, encoder)
        if block.attention is not None and block.attention_norm is not None
        for name, module in model.get_submodule(block.attention).named_modules(
            prefix=block.attention
        )
        if _is_window_attention(module)
    ]
    return found if len(found) == len(blocks(model, encoder)) else []


def _is_window_attention(module: nn.Module) -> bool:
    children = dict(module.named_children())
    table = getattr(module, 'relative_position_bias_table', None)
    return (
        isinstance(table, Tensor)
        and all(name in children for name in _CALLED)
        and isinstance(getattr(module, 'scale', None), float)
    )
