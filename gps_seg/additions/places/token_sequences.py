# Copyright (c) gps_seg contributors. Apache-2.0.
"""The blocks of an encoder that take a sequence of tokens of any length."""

import inspect
from inspect import Parameter
from itertools import chain

from torch import nn

from gps_seg.additions.places.blocks import Block, blocks

#: Parts of names of what gives an attention the positions of its tokens.
_POSITIONS = ('relative_position', 'rel_pos', 'rope')

_POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


def token_blocks(model: nn.Module, encoder: str) -> list[Block]:
    """The blocks of an encoder, if each takes tokens and nothing else.

    Tokens can be added to the sequence of such a block.

    Args:
        model: Model with the encoder.
        encoder: Name of the child to look in, such as ``'backbone'``.

    Raises:
        ValueError: If the model has no such child, or its blocks need more
            than tokens; the message says what.

    Example:
        >>> layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        >>> model = nn.ModuleDict({'encoder': nn.Sequential(layer)})
        >>> [block.name for block in token_blocks(model, 'encoder')]
        ['encoder.0']
    """
    found = blocks(model, encoder)
    reason = '' if found else 'it has no blocks with attention'
    for block in found:
        reason = reason or _why_not(model, block)
    if reason:
        kind = type(model.get_submodule(encoder)).__name__
        raise ValueError(
            'prompts: expected an encoder whose blocks take tokens and '
            'nothing else, such as VisionTransformer, got '
            f"{kind} ('{encoder}'): {reason}. Tune this encoder by a method "
            'that adds no tokens.'
        )
    return found


def _why_not(model: nn.Module, block: Block) -> str:
    """Why a block does not take more tokens; empty if it does."""
    module = model.get_submodule(block.name)
    parameters = inspect.signature(module.forward).parameters.values()
    needed = [
        one.name
        for one in parameters
        if one.kind in _POSITIONAL and one.default is one.empty
    ]
    if block.attention is None or block.layout != 'tokens':
        return f'{block.name} takes a feature map'
    attention = model.get_submodule(block.attention)
    if not getattr(attention, 'batch_first', True):
        return f'{block.name} takes the axis of the tokens first (batch_first)'
    if any(isinstance(m, nn.modules.conv._ConvNd) for m in module.modules()):
        return f'{block.name} has a convolution, which needs a map'
    position = _position(module, [one.name for one in parameters])
    if position:
        return (
            f'{block.name} knows the position of each token in its window '
            f'({position}), and a prompt has none'
        )
    if len(needed) > 1:
        return f'{block.name} also takes {", ".join(needed[1:])}'
    return ''


def _position(module: nn.Module, arguments: list[str]) -> str:
    """Name of what gives positions to an attention; empty if nothing does."""
    tensors = chain(module.named_parameters(), module.named_buffers())
    names = [*arguments, *(name for name, _ in tensors)]
    return next((n for n in names if any(p in n for p in _POSITIONS)), '')
