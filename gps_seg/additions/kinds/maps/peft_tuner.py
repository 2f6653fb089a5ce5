# Copyright (c) gps_seg contributors. Apache-2.0.
"""A tuner of Hugging Face's PEFT library at a linear map."""

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from gps_seg.additions.addition import NotMergeableError
from gps_seg.additions.linear_form import LinearForm
from gps_seg.additions.peft_library.base_map import BaseMap
from gps_seg.additions.peft_library.tuner_layers import (
    standing_alone,
    wrapped,
)
from gps_seg.additions.weight_forms import Map


class PeftTuner(LinearForm):
    """Let a layer of the library compute a linear map.

    Args:
        shape: Numbers of outputs and inputs of the map.
        peft_type: Name of the tuner in the library, in lower case.
        settings: Fields of the library's configuration of the tuner.

    Raises:
        ImportError: If the library is not installed.
        ValueError: If the tuner cannot be built with these settings.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        peft_type: str,
        settings: Mapping[str, Any],
    ) -> None:
        super().__init__(shape)
        self.peft_type, self.settings = peft_type, dict(settings)
        device = torch.empty(0).device
        # Ones would do for the shapes, but not for those that divide by norms.
        numbers = torch.Generator('cpu').manual_seed(0)
        self.start(torch.randn(shape, generator=numbers, device='cpu'))
        self.layer.to(device)

    def start(self, weight: Tensor) -> None:
        """Build the layer; some take initial values from the weight."""
        self.layer = standing_alone(
            wrapped(self.peft_type, self.settings, weight.detach().cpu())
        )

    def forward(self, base: Map, inputs: Tensor) -> Tensor:
        """What the library's layer computes."""
        with _base_of(self.layer).showing(base.weight, base.bias, base):
            outputs: Tensor = self.layer(inputs)
        return outputs

    def merged_map(
        self, weight: Tensor, bias: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """What the library's ``merge`` makes of them."""
        layer = copy.deepcopy(self.layer).eval()
        base = _base_of(layer)
        copied = None if bias is None else bias.clone()
        with base.showing(weight.clone(), copied):
            try:
                layer.merge()  # type: ignore[operator]
            except (NotImplementedError, AttributeError) as error:
                raise NotMergeableError(
                    f"the library's {self.peft_type} does not merge here "
                    f'({error or type(error).__name__})'
                ) from None
            return base.weight, base.bias


def _base_of(layer: nn.Module) -> BaseMap:
    base = layer.base_layer
    assert isinstance(base, BaseMap)
    return base
