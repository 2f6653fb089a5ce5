# Copyright (c) gps_seg contributors. Apache-2.0.
"""Sum of the |inputs| of each entry of a weight, without a backward pass.

In ``y = x W^T`` the entry ``(r, c)`` multiplies channel ``c`` of every token;
in a convolution it multiplies the input under position ``c`` of the kernel at
every output position. For any linear map ``f`` the sum of the absolute inputs
of an entry is the gradient of ``sum(f(|x|, W))`` with respect to it.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from gps_seg.sparse.interception import find_rows
from gps_seg.sparse.scoring.forward_sums import ForwardSums, Watch

#: The convolutions of PyTorch; their second argument is the weight.
_CONVOLUTIONS = (
    'conv1d',
    'conv2d',
    'conv3d',
    'conv_transpose1d',
    'conv_transpose2d',
    'conv_transpose3d',
)


def _in_float32(device: torch.device) -> AbstractContextManager[None]:
    """A context without autocast, which would round the sums."""
    return torch.autocast(device.type, enabled=False)


class InputSums(ForwardSums):
    """Sums of the |inputs| of weights, each of the shape of its weight."""

    fate = 'inputs compete by |weight|. Choose a score by gradients'

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
            found = find_rows(weight, self._sums)
            if found is not None:
                tokens = input.detach().abs().float()
                channels = tokens.reshape(-1, input.shape[-1]).sum(0)
                self.add(*found, channels)
            return plain(input, weight, bias)

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
            if weight in self._sums:
                with _in_float32(input.device), torch.enable_grad():
                    probe = weight.detach().float().requires_grad_()
                    met = input.detach().abs().float()
                    output = plain(met, probe, None, *args, **kwargs)
                    (sums,) = torch.autograd.grad(output.sum(), probe)
                self.add(weight, range(len(weight)), sums)
            return plain(input, weight, bias, *args, **kwargs)

        return convolution
