# Copyright (c) gps_seg contributors. Apache-2.0.
"""Trained tokens in every window of a block (VPT on Swin, ECCV 2022).

The tokens pass the norm of the block and stand before those of each window.
They have no position: the bias table and the mask of shifted windows do not
act on them. What the attention makes of them is dropped, so that they act on
the block by their keys and values alone. These are the same in all windows,
and are computed once.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from gps_seg.additions.addition import Addition


class WindowPrompts(Addition):
    """Insert tokens into the windows of a block of Swin.

    The host is a block whose attention has the children ``qkv``, ``softmax``,
    ``attn_drop`` and ``proj``, which it calls in this order.

    Args:
        shape: Number of tokens, and their width.
        bound: The initial values are drawn from [-bound, bound].
        norm: Name of the norm before the attention, in the host.
        attention: Name of the attention within a window, in the host.
        dropout: Probability to drop a value of a token; the same values for
            all windows and images of a batch.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        bound: float,
        norm: str,
        attention: str,
        dropout: float,
    ) -> None:
        super().__init__()
        self.tokens = nn.Parameter(torch.empty(*shape))
        self.dropout = nn.Dropout(dropout)
        nn.init.uniform_(self.tokens, -bound, bound)
        self.names = norm, attention
        # In a tuple, they do not become children of this module.
        self._parts: tuple[Any, ...] = ()
        self._forget()

    def hang(self, host: nn.Module) -> list[RemovableHandle]:
        """Take part in the attention of the host."""
        self._parts = tuple(host.get_submodule(name) for name in self.names)
        attention = self._parts[1]
        qkv, softmax, proj = (
            attention.get_submodule(name)
            for name in ('qkv', 'softmax', 'proj')
        )
        return [
            qkv.register_forward_hook(self._project),
            softmax.register_forward_pre_hook(self._join),
            softmax.register_forward_hook(self._split),
            proj.register_forward_pre_hook(self._add),
            attention.register_forward_hook(self._forget, always_call=True),
        ]

    def _project(
        self,
        qkv: nn.Linear,
        _args: Any,
        output: Tensor,  # shape: (windows, tokens, 3 * width)
    ) -> None:
        """Project the prompts, and compare the queries with their keys."""
        norm, attention = self._parts
        heads = attention.num_heads
        prompts = norm(self.dropout(self.tokens))
        _, keys, values = (
            part.unflatten(-1, (heads, -1)).transpose(0, 1)
            for part in F.linear(prompts, qkv.weight, qkv.bias).chunk(3, -1)
        )  # each of shape (heads, prompts, width of a head)
        queries = output[..., : output.shape[-1] // 3] * attention.scale
        queries = queries.unflatten(-1, (heads, -1)).transpose(1, 2)
        self._scores = queries @ keys.to(queries.dtype).mT
        self._values = values

    def _join(self, _softmax: nn.Module, args: tuple[Tensor]) -> Any:
        """Put the scores of the prompts before those of the window."""
        (scores,) = args  # shape: (windows, heads, tokens, tokens)
        return (torch.cat([self._scores.to(scores.dtype), scores], -1),)

    def _split(
        self, _softmax: nn.Module, _args: Any, output: Tensor
    ) -> Tensor:
        """Keep the weights of the prompts; the host needs the others."""
        number = len(self.tokens)
        weights = self._parts[1].attn_drop(output[..., :number])
        self._mixed = weights @ self._values.to(weights.dtype)
        return output[..., number:]

    def _add(self, _proj: nn.Module, args: tuple[Tensor]) -> Any:
        """Add the mean of the prompts' values to that of the window's."""
        (mixed,) = args  # shape: (windows, tokens, width)
        return (
            mixed + self._mixed.transpose(1, 2).flatten(2).to(mixed.dtype),
        )

    def _forget(self, *_: Any) -> None:
        self._scores = self._values = self._mixed = torch.empty(0)
