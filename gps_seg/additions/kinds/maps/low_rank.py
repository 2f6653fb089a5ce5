# Copyright (c) gps_seg contributors. Apache-2.0.
"""A linear map with an update of low rank (LoRA, Hu et al., ICLR 2022).

``y = W x + b + scale * B A dropout(x)`` with ``A`` of shape (rank, in), drawn
from a uniform distribution, and ``B`` of shape (out, rank), zero at the start.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gps_seg.additions.linear_form import LinearForm
from gps_seg.additions.weight_forms import Map


class LowRank(LinearForm):
    """Add a product of two thin matrices to a linear map.

    Args:
        shape: Numbers of outputs and inputs of the map.
        rank: Rank of the update.
        scale: Factor of the update.
        dropout: Probability to drop an input of the update.

    Raises:
        ValueError: If the rank is larger than the map allows.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        rank: int,
        scale: float,
        dropout: float,
    ) -> None:
        super().__init__(shape)
        outputs, inputs = shape
        if not 1 <= rank <= min(shape):
            raise ValueError(
                f'rank: expected 1 to {min(shape)} for a map with {inputs} '
                f'inputs and {outputs} outputs, got {rank}.'
            )
        self.scale = scale
        self.dropout = nn.Dropout(dropout)
        self.a = nn.Parameter(torch.empty(rank, inputs))
        self.b = nn.Parameter(torch.zeros(outputs, rank))
        nn.init.kaiming_uniform_(self.a, a=math.sqrt(5))

    def forward(self, base: Map, inputs: Tensor) -> Tensor:
        """Outputs of the map and of the update."""
        update = F.linear(F.linear(self.dropout(inputs), self.a), self.b)
        return base(inputs) + self.scale * update

    def merged_map(
        self, weight: Tensor, bias: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """``W + scale * B A``, and the same bias."""
        return weight + self.scale * (self.b @ self.a), bias
