# Copyright (c) gps_seg contributors. Apache-2.0.
"""A bottleneck behind a linear map (Houlsby et al., ICML 2019).

``y <- y + U f(D y + d) + u`` with ``D`` of shape (rank, out) and ``U`` of
shape (out, rank).
"""

from torch import Tensor, nn

from gps_seg.additions.activations import activation_of
from gps_seg.additions.bottlenecks import check_rank, initialise
from gps_seg.additions.linear_form import LinearForm
from gps_seg.additions.weight_forms import Map


class Bottleneck(LinearForm):
    """Pass the outputs of a linear map through a bottleneck, and add them.

    Args:
        shape: Numbers of outputs and inputs of the map.
        rank: Width of the bottleneck.
        activation: Name of the function ``f``.
        init: Name of the initial values.

    Raises:
        ValueError: If the rank is above the number of outputs, or a name is
            unknown.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        rank: int,
        activation: str,
        init: str,
    ) -> None:
        super().__init__(shape)
        check_rank(rank, shape[0])
        self._activation = activation_of(activation)
        self.down = nn.Linear(shape[0], rank)
        self.up = nn.Linear(rank, shape[0])
        initialise(self.down, self.up, init)

    def forward(self, base: Map, inputs: Tensor) -> Tensor:
        """Outputs of the map and of the bottleneck."""
        outputs = base(inputs)
        added: Tensor = self.up(self._activation(self.down(outputs)))
        return outputs + added
