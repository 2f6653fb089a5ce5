# Copyright (c) gps_seg contributors. Apache-2.0.
"""Trained tokens that refine the features behind every block (Rein).

Wei et al., *Stronger, Fewer, & Superior*, CVPR 2024, equations 2 to 6. With
the features ``f`` (positions, d) behind block ``i`` and its tokens
``T_i = A_i B_i`` (m, d):

- ``S = softmax(f T_i^T / sqrt(d))``: similarity to each token;
- ``g = S[:, 1:] (T_i[1:] W_T + b_T)``: the first token takes what fits none;
- ``f <- f + scale * ((f + g) W_f + b_f)``.

The two maps, ``W_T`` and ``W_f``, are shared by all blocks of a width. At the
start ``A`` and ``B`` are drawn from [-v, v] with v = sqrt(6 / (rank + d)), and
the maps as PyTorch's layers; the equations leave both open.
"""

import math
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from gps_seg.additions.addition import Addition
from gps_seg.additions.neighbours import neighbours_by_part


class TokenRefinement(Addition):
    """Refine the features behind the blocks of an encoder, its host.

    Class tokens and registers stay as they are.

    Args:
        blocks: Names of the blocks in the encoder.
        widths: Number of channels of each block.
        layouts: Layout of each block, see
            :class:`gps_seg.additions.places.Block`.
        tokens: Number of tokens of each block.
        rank: Rank of the matrix of tokens.
        prefix: Number of class tokens before the patches.
        scale: Initial factor of the refinement; it trains.
    """

    def __init__(
        self,
        blocks: Sequence[str],
        widths: Sequence[int],
        layouts: Sequence[str],
        tokens: int,
        rank: int,
        prefix: int,
        scale: float,
    ) -> None:
        super().__init__()
        self.names = tuple(blocks)
        self.prefix = prefix
        self.blocks = nn.ModuleList(
            _BlockTokens(tokens, width, rank, layout)
            for width, layout in zip(widths, layouts, strict=True)
        )
        # ModuleDict: names of modules are texts.
        self.shared = nn.ModuleDict(
            {str(width): _Shared(width, scale) for width in sorted({*widths})}
        )

    def hang(self, host: nn.Module) -> Iterator[RemovableHandle]:
        """Refine the output of each block."""
        for name, block in zip(self.names, self.blocks, strict=True):
            assert isinstance(block, _BlockTokens)
            yield host.get_submodule(name).register_forward_hook(
                _Refine(block, self.shared[str(block.width)], self.prefix)
            )

    def beside(self, host: nn.Module) -> Mapping[str, nn.Parameter]:
        """Tokens beside their block; what is shared beside the last one."""
        parts = {f'blocks.{i}': name for i, name in enumerate(self.names)}
        parts['shared'] = self.names[-1]
        return neighbours_by_part(self, host, parts)


class _Refine:
    """The hook of one block."""

    def __init__(
        self, block: '_BlockTokens', shared: nn.Module, prefix: int
    ) -> None:
        self._block, self._shared, self._prefix = block, shared, prefix

    def __call__(
        self, _module: nn.Module, _args: tuple[Tensor, ...], output: Tensor
    ) -> Tensor:
        is_map = self._block.layout == 'map'  # channels first
        features = output.movedim(1, -1) if is_map else output
        patches = features[:, self._prefix :]
        refined: Tensor = patches + self._shared(patches, self._block())
        if self._prefix:
            first = features[:, : self._prefix]
            refined = torch.cat([first, refined], dim=1)
        return refined.movedim(-1, 1) if is_map else refined


class _BlockTokens(nn.Module):
    """The tokens of one block, as a product of two thin matrices."""

    def __init__(
        self, tokens: int, width: int, rank: int, layout: str
    ) -> None:
        super().__init__()
        self.width, self.layout = width, layout
        self.a = nn.Parameter(torch.empty(tokens, rank))
        self.b = nn.Parameter(torch.empty(rank, width))
        bound = math.sqrt(6 / (width + rank))
        nn.init.uniform_(self.a, -bound, bound)
        nn.init.uniform_(self.b, -bound, bound)

    def forward(self) -> Tensor:  # shape: (tokens, width)
        return self.a @ self.b


class _Shared(nn.Module):
    """What all blocks of a width share."""

    def __init__(self, width: int, scale: float) -> None:
        super().__init__()
        self.of_tokens = nn.Linear(width, width)
        self.of_features = nn.Linear(width, width)
        self.scale = nn.Parameter(torch.tensor([float(scale)]))

    def forward(
        self,
        features: Tensor,  # shape: (batch, ..., width)
        tokens: Tensor,  # shape: (tokens, width)
    ) -> Tensor:  # shape: (batch, ..., width)
        similarity = features @ tokens.T.to(features.dtype)
        weights = (similarity / math.sqrt(tokens.shape[1])).softmax(dim=-1)
        values = self.of_tokens(tokens[1:])
        near = weights[..., 1:].to(values.dtype) @ values
        change: Tensor = self.of_features(features + near.to(features.dtype))
        scaled: Tensor = self.scale.to(change.dtype) * change
        return scaled
