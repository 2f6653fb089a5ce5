# Copyright (c) gps_seg contributors. Apache-2.0.
"""Where the residual stream of each block enters its MLP."""

import inspect
from dataclasses import dataclass
from typing import Any

from torch import nn

from gps_seg.additions.places.blocks import Block, blocks
from gps_seg.additions.plan import Place


@dataclass(frozen=True)
class StreamEntry:
    """A block, and how it hands its residual stream to its MLP.

    Args:
        block: Name of the block.
        width: Number of channels of the stream.
        norm: Child of the block whose input is the stream; None if there is
            none.
        mlp: Child of the block that adds the stream to its outputs; None if
            the block adds it.
        axis: Axis of the channels: -1, or 1 for (B, C, H, W).

    Example:
        >>> StreamEntry('encoder.0', 8, 'norm2', None, -1).place
        Place(name='encoder.0', rows=None)
    """

    block: str
    width: int
    norm: str | None
    mlp: str | None
    axis: int

    @property
    def place(self) -> Place:
        """The place of an addition to the stream."""
        return Place(self.block)

    @property
    def settings(self) -> dict[str, Any]:
        """What :class:`gps_seg.additions.stream.Stream` has to know."""
        names = {'norm': self.norm, 'mlp': self.mlp}
        return {**names, 'axis': self.axis}


def stream_entries(model: nn.Module, encoder: str) -> list[StreamEntry]:
    """The entries of an encoder, one for each block, in module order.

    Args:
        model: Model with the encoder.
        encoder: Name of the child to look in, such as ``'backbone'``.

    Raises:
        ValueError: If the model has no such child, or it has no blocks with a
            residual stream that can be met before the MLP.

    Example:
        >>> layer = nn.TransformerEncoderLayer(8, 2, 16, norm_first=True)
        >>> model = nn.ModuleDict({'encoder': nn.Sequential(layer)})
        >>> (entry,) = stream_entries(model, 'encoder')
        >>> entry.block, entry.settings
        ('encoder.0', {'norm': 'norm2', 'mlp': None, 'axis': -1})
    """
    found = blocks(model, encoder)
    reason = '' if found else 'it has no blocks'
    entries = []
    for block in found:
        entry = _entry(model, block)
        if entry is None:
            reason = reason or f'{block.name} is of another form'
        else:
            entries.append(entry)
    if reason:
        kind = type(model.get_submodule(encoder)).__name__
        raise ValueError(
            'encoder: expected blocks with attention or a depthwise '
            'convolution, then a norm and an MLP on a residual stream, as in '
            f"ViT, Swin and ConvNeXt, got {kind} ('{encoder}'): {reason}. "
            'Tune this encoder by a method that trains what is there.'
        )
    return entries


def _entry(model: nn.Module, block: Block) -> StreamEntry | None:
    if block.attention is None:
        axis = 1 if block.layout == 'map' else -1
        return StreamEntry(block.name, block.width, None, None, axis)
    mlp = block.mlp
    if mlp is not None and not _adds_stream(model.get_submodule(mlp)):
        mlp = None
    if block.layout == 'map' or (mlp is None and block.mlp_norm is None):
        return None
    start = f'{block.name}.'
    norm = block.mlp_norm and block.mlp_norm.removeprefix(start)
    mlp = mlp and mlp.removeprefix(start)
    return StreamEntry(block.name, block.width, norm, mlp, axis=-1)


def _adds_stream(mlp: nn.Module) -> bool:
    """Whether an MLP adds its ``identity`` to its outputs, as MMCV's FFN."""
    takes = 'identity' in inspect.signature(mlp.forward).parameters
    return takes and bool(getattr(mlp, 'add_identity', True))
