# Copyright (c) gps_seg contributors. Apache-2.0.
"""Bottlenecks with depthwise convolutions (Mona, Yin et al., CVPR 2025).

``x <- x + U dropout(GELU(z))`` on the residual stream, behind the attention
and behind the MLP of each block, with

- ``y = gamma norm(x) + delta x``, where ``gamma`` is 1e-6 at the start and
  ``delta`` is 1, both of shape (width,),
- ``z = D y``,
- ``z <- z + (C3 z + C5 z + C7 z) / 3``, depthwise convolutions with kernels of
  3, 5 and 7 pixels,
- ``z <- z + P z``, a convolution with a kernel of one pixel.

``U`` is zero at the start, so that the model first computes what it did
before; this is our choice. Tokens before the patches, such as a class token,
have no neighbours; they pass by the depthwise convolutions.
"""

from collections.abc import Iterable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from gps_seg.additions.addition import Addition
from gps_seg.additions.bottlenecks import check_rank
from gps_seg.additions.grid import Grid
from gps_seg.additions.neighbours import neighbours_by_part
from gps_seg.additions.stream import Stream, StreamSettings

_KERNELS = (3, 5, 7)


class DepthwiseBottleneck(Addition):
    """Bottlenecks for all blocks of an encoder.

    Args:
        blocks: Names of the blocks in the host.
        widths: Numbers of channels of their streams.
        streams: Arguments of :class:`gps_seg.additions.stream.Stream`, for
            each block.
        rank: Width of the bottlenecks.
        dropout: Probability to drop a value in a bottleneck.
        prefix: Number of tokens before those of the patches.
        patches: Child of the host that returns the tokens of the patches, and
            height and width of their grid; None if blocks get them.

    Raises:
        ValueError: If the rank is above a width.
    """

    def __init__(
        self,
        blocks: Sequence[str],
        widths: Sequence[int],
        streams: Sequence[StreamSettings],
        rank: int,
        dropout: float,
        prefix: int,
        patches: str | None,
    ) -> None:
        super().__init__()
        check_rank(rank, min(widths))
        self._names = list(blocks)
        self._streams = list(streams)
        # Blocks of other stages have other sizes when one is recomputed.
        self._grids = [Grid(prefix, patches) for _ in blocks]
        self.blocks = nn.ModuleList(
            nn.ModuleList(
                _Body(width, rank, dropout, grid)
                for _ in range(_number(stream))
            )
            for width, stream, grid in zip(
                widths, self._streams, self._grids, strict=True
            )
        )

    def hang(self, host: nn.Module) -> Iterable[RemovableHandle]:
        """See :meth:`Stream.before_mlp` and :meth:`Stream.after_mlp`."""
        for name, grid in zip(self._names, self._grids, strict=True):
            yield from grid.watch(host, [name])
        for name, stream, bodies in zip(
            self._names, self._streams, self.blocks, strict=True
        ):
            block = host.get_submodule(name)
            assert isinstance(bodies, nn.ModuleList)
            for body in bodies[:-1]:
                yield from Stream(block, update=body, **stream).before_mlp()
            last = Stream(block, update=bodies[-1], **stream)
            yield from last.after_mlp()

    def beside(self, host: nn.Module) -> Mapping[str, nn.Parameter]:
        """The parameters of the same block."""
        parts = {f'blocks.{i}': name for i, name in enumerate(self._names)}
        return neighbours_by_part(self, host, parts)


def _number(stream: StreamSettings) -> int:
    """Two for a block with attention and MLP, one for one with one branch."""
    return 1 if stream['norm'] is stream['mlp'] is None else 2


class _Body(nn.Module):
    """The function of the stream: (..., width) -> (..., width)."""

    def __init__(
        self, width: int, rank: int, dropout: float, grid: Grid
    ) -> None:
        super().__init__()
        self._grid = grid
        self.norm = nn.LayerNorm(width)
        self.gamma = nn.Parameter(torch.full((width,), 1e-6))
        self.delta = nn.Parameter(torch.ones(width))
        self.down = nn.Linear(width, rank)
        self.depthwise = nn.ModuleList(
            nn.Conv2d(rank, rank, kernel, padding='same', groups=rank)
            for kernel in _KERNELS
        )
        self.pointwise = nn.Linear(rank, rank)
        self.dropout = nn.Dropout(dropout)
        self.up = nn.Linear(rank, width)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, stream: Tensor) -> Tensor:
        """The update."""
        normed = self.norm(stream)
        scaled = self.gamma.to(normed.dtype) * normed
        inputs = scaled + self.delta.to(stream.dtype) * stream
        hidden = self.down(inputs)
        hidden = hidden + self._grid.on_map(hidden, self._mixed)
        hidden = hidden + self.pointwise(hidden)
        update: Tensor = self.up(self.dropout(F.gelu(hidden)))
        return update

    def _mixed(self, image: Tensor) -> Tensor:
        mixed = [one(image) for one in self.depthwise]
        return torch.stack(mixed).mean(dim=0)
