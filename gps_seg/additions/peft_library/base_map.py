# Copyright (c) gps_seg contributors. Apache-2.0.
"""What a tuner of the library takes for the layer that it wraps."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn


class BaseMap(nn.Linear):
    """A linear layer without tensors of its own.

    While a tuner computes, it shows the weight and the bias of the host's
    map; otherwise both are None.

    Args:
        shape: Numbers of outputs and inputs.
    """

    weight: Any
    bias: Any
    _map: Any

    def __init__(self, shape: tuple[int, int]) -> None:
        nn.Module.__init__(self)
        self.out_features, self.in_features = shape
        self.weight = self.bias = self._map = None

    @contextmanager
    def showing(
        self,
        weight: Tensor,
        bias: Tensor | None,
        plain: Callable[[Tensor], Tensor] | None = None,
    ) -> Iterator[None]:
        """Show a map within the context.

        Args:
            weight: Weight, of shape (out, in).
            bias: Bias, of shape (out,).
            plain: The function ``x W^T + b``; None if it is not called.
        """
        # Detached, they are no parameters: they are not registered, and no
        # form of the host's weight takes over what the tuner does with them.
        self.weight = weight.detach()
        self.bias = None if bias is None else bias.detach()
        self._map = plain
        try:
            yield
        finally:
            self.weight = self.bias = self._map = None

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """The outputs of the host's map."""
        outputs: Tensor = self._map(input)
        return outputs

    def extra_repr(self) -> str:
        """The sizes; a plain layer would look at its bias."""
        return f'{self.in_features} -> {self.out_features}'
