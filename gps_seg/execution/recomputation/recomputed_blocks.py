# Copyright (c) gps_seg contributors. Apache-2.0.
"""Recompute the blocks of an encoder in the backward pass (arXiv 1604.06174).

The backward pass needs the activations inside each block. With this activation
checkpointing only the input of a block is kept, and the backward pass runs the
block again. Gradients have the same bits.
"""

from typing import Any

from torch import nn
from torch.utils.checkpoint import checkpoint

from gps_seg.additions.places import blocks
from gps_seg.execution.instance_forward import (
    has_own_forward,
    reset_forward,
    set_forward,
)


class RecomputedBlocks:
    """The blocks of an encoder that keep only their inputs.

    Args:
        model: Model with the encoder.
        encoder: Name of the child to look in, such as ``'backbone'``.

    Example:
        >>> model = nn.ModuleDict({'encoder': nn.Linear(8, 8)})
        >>> RecomputedBlocks(model, 'encoder').recomputed
        []
    """

    def __init__(self, model: nn.Module, encoder: str) -> None:
        found = {
            block.name: model.get_submodule(block.name)
            for block in blocks(model, encoder)
        }
        self.left = {
            name: 'another forward of the block'
            for name, module in found.items()
            if has_own_forward(module)
        }
        self._changed = {
            name: module
            for name, module in found.items()
            if name not in self.left
        }
        for module in self._changed.values():
            set_forward(module, forward)

    @property
    def recomputed(self) -> list[str]:
        """Names of the blocks that are recomputed."""
        return list(self._changed)

    def remove(self) -> None:
        """Let autograd keep what is inside the blocks again."""
        for module in self._changed.values():
            reset_forward(module)
        self._changed = {}


def recompute_blocks(model: nn.Module, encoder: str) -> RecomputedBlocks:
    """Recompute the blocks of an encoder in the backward pass.

    Training needs far less memory for one more forward pass: a ViT keeps a
    tenth or a fifth. The losses and gradients have the same bits. A block that
    has another forward than that of its class is left as it is.

    Args:
        model: Model with the encoder.
        encoder: Name of the child to look in, such as ``'backbone'``.

    Returns:
        What says which blocks are left as they are, and undoes it.

    Raises:
        ValueError: If the model has no such child.

    Example:
        >>> import torch
        >>> from gps_seg.execution import recompute_blocks
        >>> layer = nn.TransformerEncoderLayer(8, 2, 16, norm_first=True)
        >>> model = nn.ModuleDict({'encoder': nn.Sequential(layer)})
        >>> handle = recompute_blocks(model, 'encoder')
        >>> model['encoder'](torch.ones(1, 5, 8)).sum().backward()
        >>> handle.recomputed, handle.left
        (['encoder.0'], {})
        >>> handle.remove()
    """
    return RecomputedBlocks(model, encoder)


def forward(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
    """The forward of the class, run again in the backward pass."""
    plain = type(module).forward
    return checkpoint(plain, module, *args, use_reentrant=False, **kwargs)
