# Copyright (c) gps_seg contributors. Apache-2.0.
"""Sums of inputs, of their squares, and of the gradients of outputs.

The inputs are met where a weight is used, the gradient of its output comes
later, in the backward pass. Only then both are counted. So a forward pass that
activation checkpointing runs twice is counted once, and a result that is not
used is not counted.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from gps_seg.sparse.interception import as_no_view, find_rows
from gps_seg.sparse.scoring.forward_sums import ForwardSums, Watch

#: The convolutions whose outputs are neurons along dim 0 of their weight.
_CONVOLUTIONS = ('conv1d', 'conv2d', 'conv3d')


class _Met(NamedTuple):
    """Moments of the inputs of one call, shape (1 or out, fan_in)."""

    inputs: Tensor
    squares: Tensor
    number: int
    has_bias: bool


class MomentSums(ForwardSums):
    """Moments of inputs in packed sums.

    See :mod:`gps_seg.sparse.scoring.moments`. If one weight is used on
    several inputs, as by the packed projection of cross-attention, its moments
    are those of all of them together.
    """

    fate = "entries compete by |gradient|. Choose the score 'gradient'"

    @property
    def watchers(self) -> Mapping[str, Watch]:
        """Linear maps and convolutions are watched."""
        return {
            'linear': self._linear,
            **dict.fromkeys(_CONVOLUTIONS, self._convolution),
        }

    def _linear(self, plain: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def linear(
            input: Tensor,  # noqa: A002 (the name by which it is called)
            weight: Tensor,
            bias: Tensor | None = None,
        ) -> Tensor:
            output = plain(input, weight, bias)
            found = find_rows(weight, self._sums)
            if found is not None and output.requires_grad:
                tokens = input.detach().float().reshape(-1, input.shape[-1])
                met = _Met(
                    tokens.sum(0)[None],
                    tokens.square().sum(0)[None],
                    len(tokens),
                    _is_parameter(bias),
                )
                return _hooked(output, self._count(*found, met, axis=-1))
            return output

        return linear

    def _convolution(
        self, plain: Callable[..., Tensor]
    ) -> Callable[..., Tensor]:
        def convolution(
            input: Tensor,  # noqa: A002
            weight: Tensor,
            bias: Tensor | None = None,
            *args: Any,
            **kwargs: Any,
        ) -> Tensor:
            output = plain(input, weight, bias, *args, **kwargs)
            if weight in self._sums and output.requires_grad:

                def apply(inputs: Tensor, probe: Tensor) -> Tensor:
                    return plain(inputs, probe, None, *args, **kwargs)

                met = _Met(
                    *_moments(apply, input.detach().float(), weight.detach()),
                    output.numel() // len(weight),
                    _is_parameter(bias),
                )
                rows = range(len(weight))
                axis = 1 - weight.ndim
                count = self._count(weight, rows, met, axis)
                return _hooked(output, count)
            return output

        return convolution

    def _count(
        self, weight: Tensor, rows: range, met: _Met, axis: int
    ) -> Callable[[Tensor], None]:
        """A hook that counts one call when the gradient of its output comes.

        Args:
            weight: Weight of the call.
            rows: Its rows that were used.
            met: Moments of the inputs.
            axis: Axis of the rows in the output.
        """

        def count(gradient: Tensor) -> None:
            self.unmet.pop(weight, None)
            total = self._sums[weight]
            first, second = total[len(weight) :].chunk(2)
            first[:, :-1] += met.inputs.to(total)
            second[:, :-1] += met.squares.to(total)
            first[:, -1] += met.number
            if met.has_bias:
                second[:, -1] += met.number
                of_rows = gradient.detach().movedim(axis, -1).flatten(0, -2)
                summed = of_rows.sum(0, dtype=torch.float32)
                total[rows.start : rows.stop, -1] += summed.to(total)

        return count


def _hooked(output: Tensor, hook: Callable[[Tensor], None]) -> Tensor:
    """The same output, with a hook on its gradient."""
    # A view that is changed in place later, as by a ReLU, loses its hooks.
    output = as_no_view(output)
    output.register_hook(hook)
    return output


def _is_parameter(bias: Tensor | None) -> bool:
    """Whether a bias is a parameter or a view of one, so that it can train."""
    if bias is None:
        return False
    whole = bias if bias._base is None else bias._base
    return isinstance(whole, nn.Parameter)


def _moments(
    apply: Callable[[Tensor, Tensor], Tensor],
    inputs: Tensor,
    weight: Tensor,  # shape: (out, in / groups, *kernel)
) -> tuple[Tensor, Tensor]:  # shapes: (out, fan_in)
    """Sums of the inputs under each position of a kernel, and of squares.

    For any linear map ``f`` the sum of the inputs that an entry of ``W``
    multiplies is the gradient of ``sum(f(x, W))``. It is the same for all
    outputs of a group, so that one output of each group is enough.
    """
    groups = inputs.shape[1 - weight.ndim] // weight.shape[1]
    sums = []
    with (
        torch.autocast(inputs.device.type, enabled=False),
        torch.enable_grad(),
    ):
        for met in (inputs, inputs.square()):
            probe = weight[:groups].float().clone().requires_grad_()
            (met_by,) = torch.autograd.grad(apply(met, probe).sum(), probe)
            each = met_by.flatten(1)
            sums.append(each.repeat_interleave(len(weight) // groups, 0))
    return sums[0], sums[1]
