# Copyright (c) gps_seg contributors. Apache-2.0.
"""Other methods as published, reduced to the parts that are measured."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from gps_seg.benchmark.architectures import ENCODER
from gps_seg.benchmark.contender import Contender
from gps_seg.peft import weights_to_select
from gps_seg.sparse import Role, Selection, gps_roles

LORA_RANK = 8


def dense_mask(
    model: nn.Module, loss: Callable[[], Tensor], selection: Selection
) -> Contender:
    """GPS as published: dense gradients and optimizer state, 0/1 masks.

    After the backward pass the gradient of each weight is multiplied by a
    mask of its shape, 1 where the entry is selected.
    """
    roles = gps_roles(model, ENCODER)
    trained = {}
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(roles[name] is not Role.FROZEN)
        if parameter.requires_grad:
            trained[name] = parameter
    selected = {
        name: mask_of(trained[name], indices)
        for name, indices in selection.items()
    }

    def mask_gradients() -> None:
        for name, mask in selected.items():
            gradient = trained[name].grad
            assert gradient is not None
            gradient.mul_(mask)

    return Contender(loss, trained, after_backward=mask_gradients)


def mask_of(weight: Tensor, indices: Tensor) -> Tensor:
    """A tensor like ``weight``: 1 at the flat indices, 0 elsewhere."""
    mask = torch.zeros_like(weight, requires_grad=False)
    mask.view(-1)[indices.to(weight.device)] = 1
    return mask


class ScatterAdd(nn.Module):
    """A weight plus trainable values at some of its entries.

    Attributes:
        values: Added values, shape ``(num_selected,)``; zero at first.

    Args:
        weight: Frozen weight, any shape.
        indices: Flat indices into the weight, shape ``(num_selected,)``,
            int64.
    """

    indices: Tensor

    def __init__(self, weight: Tensor, indices: Tensor) -> None:
        super().__init__()
        self.register_buffer('indices', indices.to(weight.device))
        self.values = nn.Parameter(weight.new_zeros(len(indices)))

    def forward(self, weight: Tensor) -> Tensor:
        """The dense weight that the layer uses."""
        flat = weight.flatten().scatter_add(0, self.indices, self.values)
        return flat.view_as(weight)


def scatter_add(
    model: nn.Module, loss: Callable[[], Tensor], selection: Selection
) -> Contender:
    """NeuroAda (Zhang et al., EMNLP 2025): a dense sum in each forward.

    It trains one value per selected entry. But autograd computes the dense
    gradient of the sum, and keeps the sum for the backward pass.
    """
    roles = gps_roles(model, ENCODER)
    weights = weights_to_select(model, roles)
    trained = {}
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(roles[name] is Role.WHOLE)
        if parameter.requires_grad:
            trained[name] = parameter
    for name, indices in selection.items():
        owned = weights[name]
        addition = ScatterAdd(owned.parameter.detach(), indices)
        parametrize.register_parametrization(
            owned.module, owned.attribute, addition
        )
        trained[name] = addition.values
    return Contender(loss, trained)


def lora(
    model: nn.Module, loss: Callable[[], Tensor], _selection: Selection
) -> Contender:
    """LoRA of the PEFT library on every Linear of the encoder.

    Raises:
        ImportError: If the library is not installed.
    """
    import peft  # noqa: PLC0415  (optional, and slow to import)

    encoder = model.get_submodule(ENCODER)
    linears = [
        name
        for name, module in encoder.named_modules()
        if isinstance(module, nn.Linear)
    ]
    config = peft.LoraConfig(
        r=LORA_RANK, lora_alpha=LORA_RANK, target_modules=linears
    )
    # This freezes the encoder except for the added matrices.
    peft.inject_adapter_in_model(config, encoder)
    trained = {
        name: parameter
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }
    return Contender(loss, trained)
