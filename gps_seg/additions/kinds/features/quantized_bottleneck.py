# Copyright (c) gps_seg contributors. Apache-2.0.
"""A bottleneck of few values parallel to an MLP (Jie et al., ICCV 2023).

``x <- x + mlp(norm(x)) + scale * Q(U) dropout(relu(Q(D) x))``, where ``Q``
quantises a matrix (see :mod:`gps_seg.additions.quantization`). ``D`` is drawn
from a uniform distribution, ``U`` from a normal one with a standard deviation
of 0.001: a matrix of zeros has no scale.
"""

import math
from collections.abc import Iterable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from gps_seg.additions.addition import Addition
from gps_seg.additions.bottlenecks import check_rank
from gps_seg.additions.quantization import (
    check_bits,
    quantize,
    straight_through,
)
from gps_seg.additions.stream import Stream, StreamSettings


class QuantizedBottleneck(Addition):
    """Pass the residual stream through a bottleneck, beside the MLP.

    Args:
        width: Number of channels of the stream.
        rank: Width of the bottleneck.
        bits: Bits per value of the matrices.
        scale: Factor of the update.
        dropout: Probability to drop a value in the bottleneck.
        stream: Arguments of :class:`gps_seg.additions.stream.Stream`.

    Raises:
        ValueError: If the rank is above the width, or there are too many bits.
    """

    def __init__(
        self,
        width: int,
        rank: int,
        bits: int,
        scale: float,
        dropout: float,
        stream: StreamSettings,
    ) -> None:
        super().__init__()
        check_rank(rank, width)
        check_bits(bits)
        self._bits = bits
        self._is_settled = False
        self._scale = scale
        self._stream = stream
        self.dropout = nn.Dropout(dropout)
        self.down = nn.Parameter(torch.empty(rank, width))
        self.up = nn.Parameter(torch.empty(width, rank))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))
        nn.init.trunc_normal_(self.up, std=1e-3)

    def hang(self, host: nn.Module) -> Iterable[RemovableHandle]:
        """See :meth:`Stream.beside_mlp`."""
        return Stream(host, update=self, **self._stream).beside_mlp()

    def forward(self, stream: Tensor) -> Tensor:
        """The update: (..., width) -> (..., width)."""
        down: Tensor = self.down
        up: Tensor = self.up
        if not self._is_settled:
            down = straight_through(down, self._bits)
            up = straight_through(up, self._bits)
        hidden = self.dropout(F.relu(F.linear(stream, down)))
        update: Tensor = self._scale * F.linear(hidden, up)
        return update

    @torch.no_grad()
    def settle(self) -> None:
        """Quantise both matrices."""
        for name, (codes, levels) in self.coded().items():
            self.get_parameter(name).copy_(levels[codes])
        self._is_settled = True

    def coded(self) -> Mapping[str, tuple[Tensor, Tensor]]:
        """Codes and levels of both matrices."""
        return {
            name: quantize(matrix.detach(), self._bits)
            for name, matrix in self.named_parameters()
        }
