# Copyright (c) gps_seg contributors. Apache-2.0.
"""What each parameter does during tuning, decided by the type of its module.

Names lie: mmseg's ViT calls its norms ``ln1``, Swin's
``relative_position_bias_table`` is no bias, and ``norm`` may be a Linear. So
the rules below ask what module owns a parameter and under which attribute.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd


class Role(Enum):
    """Part of a parameter that trains."""

    SELECTED = 'selected entries'
    WHOLE = 'whole'
    FROZEN = 'nothing'


#: Modules whose weights connect neurons; every other module (norms,
#: embeddings, tokens, tables, scales) stays as it is.
CONNECTING_MODULES = (nn.Linear, _ConvNd, nn.MultiheadAttention)

#: Attribute of a connecting module -> role. ``bias_k`` and ``bias_v`` of
#: ``nn.MultiheadAttention`` are tokens, not biases, and stay frozen.
CONNECTING_ROLES: Mapping[str, Role] = {
    'weight': Role.SELECTED,
    'in_proj_weight': Role.SELECTED,
    'q_proj_weight': Role.SELECTED,
    'k_proj_weight': Role.SELECTED,
    'v_proj_weight': Role.SELECTED,
    'bias': Role.WHOLE,
    'in_proj_bias': Role.WHOLE,
}


@dataclass(frozen=True)
class Owned:
    """A parameter with the module that owns it."""

    parameter: nn.Parameter
    module: nn.Module
    attribute: str


def owned_parameters(model: nn.Module) -> Iterator[tuple[str, Owned]]:
    """Every parameter once, by its first name, in the order of the modules."""
    seen = set()
    for prefix, module in model.named_modules():
        for attribute, parameter in module.named_parameters(recurse=False):
            if parameter not in seen:
                seen.add(parameter)
                name = f'{prefix}.{attribute}' if prefix else attribute
                yield name, Owned(parameter, module, attribute)


def connection_role(owned: Owned) -> Role:
    """The rule of GPS for one parameter of the encoder."""
    if not isinstance(owned.module, CONNECTING_MODULES):
        return Role.FROZEN
    return CONNECTING_ROLES.get(owned.attribute, Role.FROZEN)


def gps_roles(model: nn.Module, encoder: str) -> dict[str, Role]:
    """Roles of GPS: connections and biases of the encoder, all else whole.

    What lies outside the encoder (neck, decode head, auxiliary head) trains
    whole. A parameter that came with ``requires_grad=False`` stays frozen.

    Args:
        model: The whole model.
        encoder: Name of the pretrained child, such as ``'backbone'``.

    Raises:
        ValueError: If the model has no such child.
    """
    check_child(model, encoder)
    roles = {}
    for name, owned in owned_parameters(model):
        if not owned.parameter.requires_grad:
            roles[name] = Role.FROZEN
        elif name.startswith(f'{encoder}.'):
            roles[name] = connection_role(owned)
        else:
            roles[name] = Role.WHOLE
    return roles


def check_child(model: nn.Module, name: str) -> None:
    """Raise ValueError unless ``model`` has the submodule ``name``."""
    if name not in dict(model.named_modules()):
        children = [child for child, _ in model.named_children()]
        raise ValueError(
            f"encoder: expected a submodule of the model, got '{name}'. "
            f'Its children are {children}.'
        )


def as_neurons(
    tensor: Tensor,  # shape of the weight of `module`
    module: nn.Module,
) -> Tensor:  # shape: (neurons, fan_in)
    """One row for each output neuron of a weight, or of a tensor like it.

    A neuron is dim 0 of a weight: a row of a Linear, a filter of a
    convolution. A transposed convolution stores ``(in, out / groups, ...)``,
    so there its axes are exchanged within each group.
    """
    if isinstance(module, _ConvTransposeNd):
        grouped = tensor.unflatten(0, (module.groups, -1))
        tensor = grouped.transpose(1, 2).flatten(0, 1)
    return tensor.flatten(1)
