# Copyright (c) gps_seg contributors. Apache-2.0.
"""Find the modules of an encoder that are blocks.

A block mixes the positions and then runs an MLP at each of them, and keeps
the number of channels. It has one child with attention, or a depthwise
convolution of its own, and one MLP, which is a child or is run by the block
itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from gps_seg.additions.places.attention import attention_width
from gps_seg.additions.places.mlp import mlp_width


@dataclass(frozen=True)
class Parts:
    """Width of a block, and names of its parts in the block.

    Args:
        width: Number of channels that the block takes and returns.
        attention: Child with the attention; None if the block mixes by a
            convolution.
        mlp: Child that is the MLP; None if the block runs it itself.
    """

    width: int
    attention: str | None
    mlp: str | None


def block_parts(module: nn.Module) -> Parts | None:
    """The parts of a block; None if the module is no block.

    Example:
        >>> layer = nn.TransformerEncoderLayer(8, 2, 16)
        >>> block_parts(layer)
        Parts(width=8, attention='self_attn', mlp=None)
    """
    children = dict(module.named_children())
    candidates = [(None, module), *children.items()]
    mlps = {n: width for n, one in candidates if (width := mlp_width(one))}
    if isinstance(module, nn.ModuleList) or len(mlps) != 1:
        return None
    ((mlp, width),) = mlps.items()
    attentions = {
        name: found
        for name, child in children.items()
        if name != mlp and (found := _width_of_attention(child))
    }
    if list(attentions.values()) == [width]:
        return Parts(width, next(iter(attentions)), mlp)
    if not attentions and width in map(_width_of_mixer, children.values()):
        return Parts(width, None, mlp)
    return None


def block_modules(
    model: nn.Module, encoder: str
) -> Iterator[tuple[str, nn.Module, Parts]]:
    """Yield name, module and parts of every block, in module order.

    Args:
        model: Model with the encoder.
        encoder: Name of the encoder in it.
    """
    for name, module in model.get_submodule(encoder).named_modules(
        prefix=encoder
    ):
        parts = block_parts(module)
        if parts is not None:
            yield name, module, parts


def _width_of_attention(module: nn.Module) -> int | None:
    """Width of the first attention layer in a module; None without one."""
    return next(filter(None, map(attention_width, module.modules())), None)


def _width_of_mixer(module: nn.Module) -> int | None:
    """Width of a depthwise convolution; None for any other module."""
    if not isinstance(module, nn.Conv2d):
        return None
    channels = module.in_channels
    is_depthwise = module.groups == channels == module.out_channels
    return channels if is_depthwise and max(module.kernel_size) > 1 else None
