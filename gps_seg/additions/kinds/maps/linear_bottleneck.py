# Copyright (c) gps_seg contributors. Apache-2.0.
"""A linear bottleneck before a linear map (RepAdapter, Luo et al., 2023).

``y = W x' + b`` with ``x' = x + scale * (B dropout(A x + a) + c)``. ``A`` of
shape (rank, in) is drawn from a uniform distribution. ``B`` of shape
(in, rank) is zero at the start, and so are ``a`` and ``c``. ``B`` consists of
blocks on its diagonal, one for each group: it is a grouped convolution with a
kernel of one pixel.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gps_seg.additions.bottlenecks import check_rank
from gps_seg.additions.linear_form import LinearForm
from gps_seg.additions.weight_forms import Map


class LinearBottleneck(LinearForm):
    """Add a linear function of the inputs of a linear map to them.

    Args:
        shape: Numbers of outputs and inputs of the map.
        rank: Width of the bottleneck.
        groups: Number of groups of the map out of the bottleneck.
        scale: Factor of what is added.
        dropout: Probability to drop a value in the bottleneck.

    Raises:
        ValueError: If the rank is above the number of inputs, or the groups
            divide the one or the other with a remainder.
    """

    of_inputs = True

    def __init__(
        self,
        shape: tuple[int, int],
        rank: int,
        groups: int,
        scale: float,
        dropout: float,
    ) -> None:
        super().__init__(shape)
        width = shape[1]
        check_rank(rank, width)
        if rank % groups or width % groups:
            raise ValueError(
                f'rank: expected a rank and a width that {groups} groups '
                f'divide, got {rank} and {width}.'
            )
        self._scale = scale
        self._groups = groups
        self.dropout = nn.Dropout(dropout)
        self.down = nn.Linear(width, rank)
        self.up = nn.Parameter(
            torch.zeros(groups, width // groups, rank // groups)
        )
        self.up_bias = nn.Parameter(torch.zeros(width))
        nn.init.xavier_uniform_(self.down.weight)
        nn.init.zeros_(self.down.bias)

    def forward(self, base: Map, inputs: Tensor) -> Tensor:
        """Outputs of the map for the changed inputs."""
        hidden = self.dropout(self.down(inputs))
        update = F.linear(hidden, self._dense_up(), self.up_bias)
        return base(inputs + (self._scale * update).to(inputs.dtype))

    def merged_map(
        self, weight: Tensor, bias: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """``W (I + scale * B A)`` and ``b + scale * W (B a + c)``."""
        up = self._dense_up()
        shift = self._scale * weight @ (up @ self.down.bias + self.up_bias)
        changed = weight + self._scale * (weight @ up) @ self.down.weight
        return changed, shift if bias is None else bias + shift

    def _dense_up(self) -> Tensor:
        dense: Tensor = torch.block_diag(*self.up)
        return dense
