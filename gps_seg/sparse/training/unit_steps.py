# Copyright (c) gps_seg contributors. Apache-2.0.
"""Coordinates in which a step moves a neuron's output as a step of its bias.

The entry of row ``r`` and column ``c`` trains through ``v``: with ``m`` the
mean and ``s`` the scale of its input ``x_c``,

    u = v / s,    W_rc = start + u,    b_r = beta_r - sum_c u m

so that the output of the neuron changes by ``v (x_c - m) / s``: as much as by
a step of the bias of the same size, and not on average. ``v`` begins at 0 and
has the gradient ``(g_rc - m g_r) / s``, with ``g_r`` the gradient of the bias.
The result is a plain weight and a plain bias.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from gps_seg.sparse.scoring.moments import inputs_in


class UnitSteps(NamedTuple):
    """Coordinates of the selected entries of a weight.

    Args:
        start: Entries at ``v = 0``, shape (num_selected,).
        mean: Mean of the input of each entry that the bias takes over, of
            that shape; 0 without a bias.
        scale: Scale of the input of each entry, above 0, of that shape.
        bias: Name of the bias that takes over the mean; None for none.
    """

    start: Tensor
    mean: Tensor
    scale: Tensor
    bias: str | None

    def to_plain(self) -> dict[str, Any]:
        """The same as tensors on the CPU and plain values."""
        return {
            name: value.cpu() if isinstance(value, Tensor) else value
            for name, value in self._asdict().items()
        }


def unit_steps(
    weight: Tensor,
    indices: Tensor,  # shape: (num_selected,), int64
    total: Tensor,
    bias: str | None,
) -> UnitSteps:
    """Coordinates of selected entries, from what a pass has summed.

    Args:
        weight: Weight before training.
        indices: Flat positions of the entries.
        total: Packed sum, see :mod:`gps_seg.sparse.scoring.moments`.
        bias: Name of the bias of the layer, if it trains, or None.

    Example:
        >>> total = torch.tensor([[0.0, 0.0], [4.0, 2.0], [10.0, 2.0]])
        >>> unit_steps(torch.ones(1, 1), torch.tensor([0]), total, 'bias').mean
        tensor([2.])
    """
    inputs = inputs_in(total, len(weight), centered=bias is not None)
    places = indices.to(total.device)
    fan_in = weight[0].numel()
    rows = places.div(fan_in, rounding_mode='floor')
    columns = places.remainder(fan_in)
    mean, scale = (
        each[rows.remainder(len(each)), columns].to(weight.device)
        for each in inputs
    )
    start = weight.detach().flatten()[indices.to(weight.device)]
    return UnitSteps(start, mean, scale, bias if mean.any() else None)


class Coordinates:
    """The coordinates of one weight, bound to its bias.

    Args:
        steps: Coordinates; copied.
        weight: Weight of the entries.
        rows: Row of each entry, shape (num_selected,).
        bias: Bias that takes over the means; None for none.
        dtype: Type of ``v``.
    """

    def __init__(
        self,
        steps: UnitSteps,
        weight: Tensor,
        rows: Tensor,
        bias: nn.Parameter | None,
        dtype: torch.dtype,
    ) -> None:
        start, mean, scale = (
            each.to(weight.device, dtype, copy=True) for each in steps[:3]
        )
        self.steps = UnitSteps(start, mean, scale, steps.bias)
        self.bias = bias
        self._rows = rows

    def entries(self, values: Tensor) -> Tensor:
        """The entries of the weight at some values of ``v``."""
        return self.steps.start + values / self.steps.scale

    def values(self, entries: Tensor) -> Tensor:
        """The inverse of :meth:`entries`."""
        return (entries - self.steps.start) * self.steps.scale

    def gradient(self, gradient: Tensor) -> Tensor:
        """What gradients of entries contribute to the gradient of ``v``."""
        return gradient / self.steps.scale

    def gradient_by_bias(self, gradient: Tensor) -> Tensor:
        """What the gradient of the bias contributes to that of ``v``."""
        of_rows = gradient[self._rows].to(self.steps.mean)
        return -of_rows * self.steps.mean / self.steps.scale

    @torch.no_grad()
    def compensate(self, change: Tensor) -> None:
        """Let the bias take over the mean effect of a change of entries."""
        if self.bias is not None:
            effect = torch.zeros_like(self.bias, dtype=change.dtype)
            effect.index_add_(0, self._rows, change * self.steps.mean)
            self.bias.sub_(effect.to(self.bias.dtype))

    def load(self, steps: UnitSteps) -> None:
        """Restore coordinates of the same entries."""
        for own, kept in zip(self.steps[:3], steps[:3], strict=True):
            own.copy_(kept)
