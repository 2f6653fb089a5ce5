# Copyright (c) gps_seg contributors. Apache-2.0.
"""A factor for each input of a linear map: ``y = W (g * x) + b``.

So (IA)^3 (Liu et al., NeurIPS 2022) changes the hidden units of an MLP. The
factors are 1 at the start.
"""

import torch
from torch import Tensor, nn

from gps_seg.additions.linear_form import LinearForm
from gps_seg.additions.weight_forms import Map


class ScaleInputs(LinearForm):
    """Scale each input of a linear map.

    Args:
        shape: Numbers of outputs and inputs of the map.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        super().__init__(shape)
        self.factor = nn.Parameter(torch.ones(shape[1]))

    def forward(self, base: Map, inputs: Tensor) -> Tensor:
        """The outputs of the map for scaled inputs."""
        return base(inputs * self.factor.to(inputs.dtype))

    def merged_map(
        self, weight: Tensor, bias: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """``W diag(g)``, and the same bias."""
        return weight * self.factor, bias
