# Copyright (c) gps_seg contributors. Apache-2.0.
"""Height and width of a sequence of tokens, for convolutions on them."""

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

#: Argument by which blocks of Swin and MiT get height and width.
SIZE_ARGUMENT = 'hw_shape'


class Grid:
    """The grid of the patches that a model is computing now.

    Args:
        prefix: Number of tokens before those of the patches.
        patches: Child of the host that returns tokens, and height and width;
            None if the blocks get them.
    """

    def __init__(self, prefix: int, patches: str | None) -> None:
        self._prefix = prefix
        self._patches = patches
        self._size: tuple[int, int] | None = None

    def watch(
        self, host: nn.Module, blocks: Sequence[str]
    ) -> Iterable[RemovableHandle]:
        """Note height and width in each forward pass.

        Args:
            host: The encoder.
            blocks: Names of its blocks.
        """
        if self._patches is not None:
            patches = host.get_submodule(self._patches)
            yield patches.register_forward_hook(self._note_output)
            return
        for name in blocks:
            block = host.get_submodule(name)
            if takes_size(block):
                yield block.register_forward_pre_hook(
                    self._note_argument, with_kwargs=True
                )

    def on_map(
        self,
        features: Tensor,  # shape: (B, N, C) or (B, H, W, C)
        function: Callable[[Tensor], Tensor],
    ) -> Tensor:  # shape of features
        """A function of the map (B, C, H, W); zeros for the other tokens.

        Raises:
            RuntimeError: If height and width do not fit the tokens.
        """
        if features.ndim == 4:
            return function(features.movedim(-1, 1)).movedim(1, -1)
        others, patches = features.tensor_split([self._prefix], dim=1)
        size = self._size
        if size is None or size[0] * size[1] != patches.shape[1]:
            raise RuntimeError(
                'additions: expected the height and width of '
                f'{patches.shape[1]} patches, got {size}. The encoder must '
                'report them as those of MMSegmentation and MMPretrain do.'
            )
        image = patches.movedim(-1, 1).unflatten(-1, size)
        mixed = function(image).flatten(2).movedim(1, -1)
        return torch.cat(
            [torch.zeros_like(others, dtype=mixed.dtype), mixed], 1
        )

    def _note_output(self, _patches: Any, _args: Any, output: Any) -> None:
        self._size = _pair(output[1] if isinstance(output, tuple) else None)

    def _note_argument(self, block: nn.Module, args: Any, kwargs: Any) -> None:
        bound = _signature(block).bind(block, *args, **kwargs)
        self._size = _pair(bound.arguments.get(SIZE_ARGUMENT))


def takes_size(block: nn.Module) -> bool:
    """Whether a block gets height and width."""
    return SIZE_ARGUMENT in _signature(block).parameters


def _signature(block: nn.Module) -> inspect.Signature:
    """Signature of the class; a wrapper on the instance may hide it."""
    return inspect.signature(type(block).forward)


def _pair(size: Any) -> tuple[int, int] | None:
    """Height and width; None for anything else."""
    try:
        height, width = size
        return int(height), int(width)
    except (TypeError, ValueError):
        return None
