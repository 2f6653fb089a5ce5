# Copyright (c) gps_seg contributors. Apache-2.0.
"""Full fine-tuning: train every parameter that is not frozen.

With ``velora_groups`` the gradients of the encoder's linear weights are
approximate, and little of their inputs is kept for the backward pass (VeLoRA,
Miles et al., NeurIPS 2024; see
:mod:`gps_seg.additions.kinds.maps.sub_token_gradient`).
"""

from dataclasses import dataclass

from torch import nn

from gps_seg.additions import Added, Plan
from gps_seg.additions.places import linear_maps
from gps_seg.peft.method import Choice, SelectsNothing
from gps_seg.sparse import Role
from gps_seg.sparse.checks import check_whole


@dataclass(frozen=True, kw_only=True)
class Full(SelectsNothing):
    """Train all parameters whole.

    Args:
        encoder: Name of the pretrained submodule; the rest is new in the task.
        velora_groups: Number of parts into which the input of a linear map
            is cut, one number of each is kept for the backward pass; None
            for exact gradients. It must divide the number of inputs.

    Raises:
        TypeError: If a value has the wrong type.
        ValueError: If a value is out of range.

    Example:
        >>> model = nn.ModuleDict(
        ...     {'backbone': nn.Linear(4, 4), 'head': nn.Linear(4, 2)}
        ... )
        >>> set(Full().roles(model).values())
        {<Role.WHOLE: 'whole'>}
    """

    encoder: str = 'backbone'
    velora_groups: int | None = None

    def __post_init__(self) -> None:
        if self.velora_groups is not None:
            check_whole('velora_groups', self.velora_groups, least=1)

    def additions(self, model: nn.Module, choice: Choice | None) -> Plan:
        """What stands for the exact gradient of each linear map, if any."""
        if self.velora_groups is None:
            return Plan()
        maps = [
            one
            for one in linear_maps(model, self.encoder)
            if model.get_parameter(one.weight).requires_grad
        ]
        widths = sorted({one.shape[1] for one in maps})
        if any(width % self.velora_groups for width in widths):
            raise ValueError(
                'velora_groups: expected a common divisor of the numbers of '
                f'inputs, {widths}, got {self.velora_groups}.'
            )
        settings = {'groups': self.velora_groups}
        return Plan(
            Added('sub_token_gradient', one.place, settings) for one in maps
        )

    def roles(self, model: nn.Module) -> dict[str, Role]:
        """``WHOLE`` wherever ``requires_grad`` is set."""
        return {
            name: Role.WHOLE if parameter.requires_grad else Role.FROZEN
            for name, parameter in model.named_parameters()
        }
