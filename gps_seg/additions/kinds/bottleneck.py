# Copyright (c) gps_seg contributors. Apache-2.0.
"""An adapter behind a linear map (Houlsby et al., ICML 2019).

``y <- y + U GELU(D y + d) + u`` with ``D`` of shape (rank, out) and ``U`` of
shape (out, rank). ``U`` and both biases are zero at the start, so that the
model first computes what it did before.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from gps_seg.additions.linear_form import LinearForm, Map


class Bottleneck(LinearForm):
    """Pass the outputs of a linear map through a bottleneck, and add them.

    Args:
        shape: Numbers of outputs and inputs of the map.
        rank: Width of the bottleneck.
    """

    def __init__(self, shape: tuple[int, int], rank: int) -> None:
        super().__init__(shape)
        self.down = nn.Linear(shape[0], rank)
        self.up = nn.Linear(rank, shape[0])
        nn.init.xavier_uniform_(self.down.weight)
        for zero in (self.down.bias, self.up.weight, self.up.bias):
            nn.init.zeros_(zero)

    def forward(self, base: Map, inputs: Tensor) -> Tensor:
        """Outputs of the map and of the bottleneck."""
        outputs = base(inputs)
        added: Tensor = self.up(F.gelu(self.down(outputs)))
        return outputs + added
