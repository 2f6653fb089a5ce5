# Copyright (c) gps_seg contributors. Apache-2.0.
"""A cheap gradient of a trained weight (VeLoRA, Miles et al., NeurIPS 2024).

The map computes what it did. For the gradient of its weight, each input is
cut into ``groups`` sub-tokens ``x_g``, of which only ``z_g = <x_g, v>`` is
kept. The backward pass takes ``z_g v`` for ``x_g``. ``v`` is the mean of all
sub-tokens of the first batch, of length 1, and stays as it is. The gradients
of the inputs and of the bias are exact.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from gps_seg.additions.linear_form import LinearForm
from gps_seg.additions.weight_forms import Map
from gps_seg.sparse.interception import as_no_view


class SubTokenGradient(LinearForm):
    """Keep few numbers of the inputs for the gradient of the weight.

    Args:
        shape: Numbers of outputs and inputs of the map.
        groups: Number of sub-tokens of an input.

    Raises:
        ValueError: If the number of inputs is no multiple of the groups.
    """

    direction: Tensor

    def __init__(self, shape: tuple[int, int], groups: int) -> None:
        super().__init__(shape)
        if shape[1] % groups:
            raise ValueError(
                f'groups: expected a divisor of {shape[1]}, the number of '
                f'inputs, got {groups}.'
            )
        self.groups = groups
        self._known = False
        # Zero until the first batch.
        self.register_buffer('direction', torch.zeros(shape[1] // groups))

    def forward(self, base: Map, inputs: Tensor) -> Tensor:
        """Outputs of the map."""
        if not (base.weight.requires_grad and torch.is_grad_enabled()):
            return base(inputs)
        if not self._known:
            self._set_direction(inputs)
        outputs: Tensor = _CheapGradient.apply(  # type: ignore[no-untyped-call]
            inputs, base.weight, base.bias, self, base
        )
        return outputs

    def kept(self, inputs: Tensor) -> Tensor:
        """``z``: (..., in) -> (..., groups)."""
        z: Tensor = self._cut(inputs) @ self.direction.to(inputs.dtype)
        return z

    @torch.no_grad()
    def _set_direction(self, inputs: Tensor) -> None:
        # A checkpoint may have brought it.
        if not self.direction.any():
            sub_tokens = self._cut(inputs).flatten(0, -2)
            mean = sub_tokens.to(self.direction.dtype).mean(0)
            self.direction.copy_(F.normalize(mean, dim=0))
        self._known = True

    def _cut(self, inputs: Tensor) -> Tensor:
        return inputs.view(*inputs.shape[:-1], self.groups, -1)

    def merged_map(
        self, weight: Tensor, bias: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """The same: only training differs."""
        return weight, bias


class _CheapGradient(torch.autograd.Function):
    """The map; the gradient of the weight is of rank 1 in each group."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs: Tensor,  # shape: (*batch, in)
        weight: Tensor,  # shape: (out, in)
        bias: Tensor | None,
        form: SubTokenGradient,
        base: Map,
    ) -> Tensor:
        outputs = base(inputs)
        # Under autocast the products are in the dtype of the outputs.
        kept = form.kept(inputs.to(outputs.dtype))
        ctx.save_for_backward(kept, weight, form.direction)
        return as_no_view(outputs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        kept, weight, direction = ctx.saved_tensors
        for_inputs = for_weight = for_bias = None
        if ctx.needs_input_grad[0]:
            for_inputs = gradient @ weight.to(gradient.dtype)
        if ctx.needs_input_grad[1]:
            rows = gradient.flatten(0, -2).T @ kept.flatten(0, -2)
            in_groups = rows[..., None] * direction
            for_weight = in_groups.flatten(1)
        if ctx.needs_input_grad[2]:
            for_bias = gradient.flatten(0, -2).sum(0)
        return for_inputs, for_weight, for_bias, None, None
