# Copyright (c) gps_seg contributors. Apache-2.0.
"""A factor, and maybe a shift, for each output of a linear map.

``y = g * (W x + b) + s``. (IA)^3 (Liu et al., NeurIPS 2022) and DiffFit (Xie
et al., ICCV 2023) have the factor, SSF (Lian et al., NeurIPS 2022) has both.
"""

import torch
from torch import Tensor, nn

from gps_seg.additions.linear_form import LinearForm
from gps_seg.additions.weight_forms import Map


class ScaleOutputs(LinearForm):
    """Scale each output of a linear map, and maybe shift it.

    Args:
        shape: Numbers of outputs and inputs of the map.
        shift: Whether there is a shift.
        spread: Standard deviation of the initial values, around 1 for the
            factors and around 0 for the shifts.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        shift: bool,
        spread: float,
    ) -> None:
        super().__init__(shape)
        self.factor = nn.Parameter(torch.empty(shape[0]))
        self.shift = nn.Parameter(torch.empty(shape[0])) if shift else None
        nn.init.normal_(self.factor, 1.0, spread)
        if self.shift is not None:
            nn.init.normal_(self.shift, 0.0, spread)

    def forward(self, base: Map, inputs: Tensor) -> Tensor:
        """The outputs of the map, scaled and shifted."""
        outputs = base(inputs)
        scaled = outputs * self.factor.to(outputs.dtype)
        if self.shift is None:
            return scaled
        return scaled + self.shift.to(outputs.dtype)

    def merged_map(
        self, weight: Tensor, bias: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """``diag(g) W`` and ``g * b + s``."""
        terms = [] if bias is None else [self.factor * bias]
        terms += [] if self.shift is None else [self.shift]
        total = torch.stack(terms).sum(0) if terms else None
        return self.factor[:, None] * weight, total
