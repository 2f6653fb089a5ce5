# Copyright (c) gps_seg contributors. Apache-2.0.
"""A bottleneck parallel to an MLP (AdaptFormer, Chen et al., NeurIPS 2022).

``x <- x + mlp(norm(x)) + scale * (U dropout(f(D x + d)) + u)`` with ``D`` of
shape (rank, width), drawn from a uniform distribution, and ``U`` of shape
(width, rank). ``U`` and both biases are zero at the start.
"""

import math
from collections.abc import Iterable

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from gps_seg.additions.activations import activation_of
from gps_seg.additions.addition import Addition
from gps_seg.additions.bottlenecks import check_rank
from gps_seg.additions.stream import Stream, StreamSettings


class StreamBottleneck(Addition):
    """Pass the residual stream through a bottleneck, beside the MLP.

    Args:
        width: Number of channels of the stream.
        rank: Width of the bottleneck.
        scale: Factor of the update.
        dropout: Probability to drop a value in the bottleneck.
        activation: Name of the function ``f``.
        stream: Arguments of :class:`gps_seg.additions.stream.Stream`.

    Raises:
        ValueError: If the rank is above the width, or the activation is
            unknown.
    """

    def __init__(
        self,
        width: int,
        rank: int,
        scale: float,
        dropout: float,
        activation: str,
        stream: StreamSettings,
    ) -> None:
        super().__init__()
        check_rank(rank, width)
        self._scale = scale
        self._stream = stream
        self._activation = activation_of(activation)
        self.dropout = nn.Dropout(dropout)
        self.down = nn.Linear(width, rank)
        self.up = nn.Linear(rank, width)
        nn.init.kaiming_uniform_(self.down.weight, a=math.sqrt(5))
        for zero in (self.down.bias, self.up.weight, self.up.bias):
            nn.init.zeros_(zero)

    def hang(self, host: nn.Module) -> Iterable[RemovableHandle]:
        """See :meth:`Stream.beside_mlp`."""
        return Stream(host, update=self, **self._stream).beside_mlp()

    def forward(self, stream: Tensor) -> Tensor:
        """The update: (..., width) -> (..., width)."""
        hidden = self.dropout(self._activation(self.down(stream)))
        update: Tensor = self._scale * self.up(hidden)
        return update
