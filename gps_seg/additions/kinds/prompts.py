# Copyright (c) gps_seg contributors. Apache-2.0.
"""Trained tokens of one block (VPT-Deep, Jia et al., ECCV 2022).

The block sees ``[class tokens; prompts; patches]``. The prompts are taken out
of its output, so that the next block and the head see what they always do.
"""

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from gps_seg.additions.addition import Addition


class Prompts(Addition):
    """Insert tokens before a block, and take them out behind it.

    Args:
        shape: Number of tokens, and their width.
        prefix: Number of class tokens before the patches.
        bound: The initial values are drawn from [-bound, bound].
    """

    def __init__(
        self, shape: tuple[int, int], prefix: int, bound: float
    ) -> None:
        super().__init__()
        self.prefix = prefix
        self.tokens = nn.Parameter(torch.empty(*shape))
        nn.init.uniform_(self.tokens, -bound, bound)

    def hang(self, host: nn.Module) -> list[RemovableHandle]:
        """Insert before the host, take out behind it."""
        return [
            host.register_forward_pre_hook(self._insert),
            host.register_forward_hook(self._take_out),
        ]

    def _insert(
        self, _host: nn.Module, args: tuple[Tensor, ...]
    ) -> tuple[Tensor, ...]:
        tokens, *others = args  # tokens: (batch, tokens, width)
        prompts = self.tokens.to(tokens.dtype).expand(len(tokens), -1, -1)
        first, rest = tokens[:, : self.prefix], tokens[:, self.prefix :]
        return (torch.cat([first, prompts, rest], dim=1), *others)

    def _take_out(
        self, _host: nn.Module, _args: tuple[Tensor, ...], output: Tensor
    ) -> Tensor:
        last = self.prefix + len(self.tokens)
        return torch.cat([output[:, : self.prefix], output[:, last:]], dim=1)
