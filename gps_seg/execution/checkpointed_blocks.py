# Copyright (c) gps_seg contributors. Apache-2.0.
"""Activation checkpointing of an encoder's blocks (arXiv 1604.06174).

The backward pass needs the activations inside each block. With checkpointing
only the input of a block is kept, and the backward pass runs the block again.
Gradients are the same, bit for bit.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn
from torch.utils.checkpoint import checkpoint

from gps_seg.additions.places import blocks
from gps_seg.execution.instance_forward import (
    has_own_forward,
    reset_forward,
    set_forward,
)


@contextmanager
def checkpointed_blocks(model: nn.Module, encoder: str) -> Iterator[int]:
    """A context in which the encoder's blocks are checkpointed.

    A block that has another forward than that of its class is left as it is.

    Args:
        model: Model with the encoder.
        encoder: Name of the child, such as ``'backbone'``.

    Yields:
        Number of checkpointed blocks; 0 for an encoder that has none which
        are known, such as a ResNet.

    Example:
        >>> import torch
        >>> layer = nn.TransformerEncoderLayer(8, 2, 16, norm_first=True)
        >>> model = nn.ModuleDict({'encoder': nn.Sequential(layer)})
        >>> with checkpointed_blocks(model, 'encoder') as number:
        ...     model['encoder'](torch.ones(1, 5, 8)).sum().backward()
        >>> number
        1
    """
    found = [
        module
        for block in blocks(model, encoder)
        if not has_own_forward(module := model.get_submodule(block.name))
    ]
    try:
        for module in found:
            set_forward(module, forward)
        yield len(found)
    finally:
        for module in found:
            reset_forward(module)


def forward(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
    """The forward of the class, run again in the backward pass."""
    plain = type(module).forward
    return checkpoint(plain, module, *args, use_reentrant=False, **kwargs)
