# Copyright (c) gps_seg contributors. Apache-2.0.
"""A linear mix of some output channels of a map (SCT, Zhao et al., 2023).

``y[c] <- y[c] + scale * (A y[c] + a)`` for the channels ``c``, with a square
matrix ``A``, drawn from a narrow normal distribution, and ``a = 0`` at the
start. So the model does not compute quite what it did before.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gps_seg.additions.linear_form import LinearForm
from gps_seg.additions.weight_forms import Map

_DEVIATION = 0.02


class ChannelMix(LinearForm):
    """Add a linear map of some output channels to these channels.

    Args:
        shape: Numbers of outputs and inputs of the map.
        channels: Outputs that are mixed, in increasing order.
        scale: Factor of the mix.

    Raises:
        ValueError: If the map has no such channels.
    """

    channels: Tensor

    def __init__(
        self, shape: tuple[int, int], channels: Sequence[int], scale: float
    ) -> None:
        super().__init__(shape)
        chosen = list(channels)
        legal = set(range(shape[0]))
        if not chosen or sorted(legal.intersection(chosen)) != chosen:
            raise ValueError(
                'channels: expected one or more increasing numbers below '
                f'{shape[0]}, got {len(chosen)}: {chosen[:5]}.'
            )
        self.scale = scale
        self.mix = nn.Linear(len(chosen), len(chosen))
        nn.init.trunc_normal_(self.mix.weight, std=_DEVIATION)
        nn.init.zeros_(self.mix.bias)
        self.register_buffer(
            'channels', torch.tensor(chosen), persistent=False
        )

    def forward(self, base: Map, inputs: Tensor) -> Tensor:
        """Outputs of the map, mixed."""
        outputs = base(inputs)
        mixed: Tensor = self.mix(outputs[..., self.channels])
        update = (self.scale * mixed).to(outputs.dtype)
        return outputs.index_add(-1, self.channels, update)

    def merged_map(
        self, weight: Tensor, bias: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """The rows of the channels mixed like the channels themselves."""
        offset = weight.new_zeros(self.shape[0]) if bias is None else bias
        matrix, rows = self.scale * self.mix.weight, self.channels
        added = matrix @ offset[rows] + self.scale * self.mix.bias
        return (
            weight.index_add(0, rows, matrix @ weight[rows]),
            offset.index_add(0, rows, added),
        )
