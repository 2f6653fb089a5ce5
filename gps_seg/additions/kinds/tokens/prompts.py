# Copyright (c) gps_seg contributors. Apache-2.0.
"""Trained tokens of one block (VPT-Deep, Jia et al., ECCV 2022).

The block sees ``[class tokens; prompts; patches]``. The prompts are removed
from its output, so that the next block, norms, feature maps and the head see
what they always do.
"""

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from gps_seg.additions.addition import Addition


class Prompts(Addition):
    """Insert tokens before a block, and remove them behind it.

    Args:
        shape: Number of tokens, and their width.
        prefix: Number of class tokens before the patches.
        bound: The initial values are drawn from [-bound, bound].
        dropout: Probability to drop a value of a token; drawn anew for each
            image.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        prefix: int,
        bound: float,
        dropout: float,
    ) -> None:
        super().__init__()
        self.prefix = prefix
        self.tokens = nn.Parameter(torch.empty(*shape))
        self.dropout = nn.Dropout(dropout)
        nn.init.uniform_(self.tokens, -bound, bound)

    def hang(self, host: nn.Module) -> list[RemovableHandle]:
        """Insert before the host, remove behind it."""
        return [
            host.register_forward_pre_hook(self._insert),
            host.register_forward_hook(self._remove),
        ]

    def complete(self) -> Tensor:  # shape: (prompts, width)
        """The prompts in full width."""
        return self.tokens

    def prompts_for(
        self,
        _block: nn.Module,
        tokens: Tensor,  # shape: (batch, tokens, width)
    ) -> Tensor:  # shape: (batch, prompts, width)
        """The prompts that a block sees beside its tokens."""
        same_type = self.complete().to(tokens.dtype)
        batch = tokens.shape[0]  # for a tracer, len is a constant
        prompts: Tensor = self.dropout(same_type.expand(batch, -1, -1))
        return prompts

    def _insert(
        self, block: nn.Module, args: tuple[Tensor, ...]
    ) -> tuple[Tensor, ...]:
        tokens, *others = args  # tokens: (batch, tokens, width)
        first, rest = tokens[:, : self.prefix], tokens[:, self.prefix :]
        prompts = self.prompts_for(block, tokens)
        return (torch.cat([first, prompts, rest], dim=1), *others)

    def _remove(
        self, _block: nn.Module, _args: tuple[Tensor, ...], output: Tensor
    ) -> Tensor:
        last = self.prefix + len(self.tokens)
        return torch.cat([output[:, : self.prefix], output[:, last:]], dim=1)
