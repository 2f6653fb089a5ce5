# Copyright (c) gps_seg contributors. Apache-2.0.
"""Approximate gradients of linear weights that train whole.

Little of the inputs of a linear map is kept for the backward pass (VeLoRA,
Miles et al., NeurIPS 2024; see
:mod:`gps_seg.additions.kinds.maps.sub_token_gradient`). Outputs, gradients of
the inputs and the number of trained values are those of the exact method.
"""

from dataclasses import dataclass

from torch import nn

from gps_seg.additions import Added, Plan
from gps_seg.additions.places import LinearMap, linear_maps
from gps_seg.peft.method import Choice
from gps_seg.peft.selects_nothing import SelectsNothing
from gps_seg.sparse import Role
from gps_seg.sparse.checks import check_whole


@dataclass(frozen=True, kw_only=True)
class KeepsSubTokens(SelectsNothing):
    """Base class of methods that train linear weights of the encoder whole.

    Args:
        velora_groups: Number of parts into which the input of a linear map
            is cut; one number of each is kept for the backward pass. It must
            divide the number of inputs. None for exact gradients.

    Raises:
        TypeError: If a value has the wrong type.
        ValueError: If a value is out of range.
    """

    velora_groups: int | None = None

    def __post_init__(self) -> None:
        if self.velora_groups is not None:
            check_whole('velora_groups', self.velora_groups, least=1)

    def additions(self, model: nn.Module, choice: Choice | None) -> Plan:
        """What stands for the exact gradient of each linear map, if any."""
        if self.velora_groups is None:
            return Plan()
        roles = self.roles(model)
        maps = [
            one
            for one in linear_maps(model, self.encoder)
            if roles[one.weight] is Role.WHOLE
        ]
        _check_divides(self.velora_groups, maps)
        settings = {'groups': self.velora_groups}
        return Plan(
            Added('sub_token_gradient', one.place, settings) for one in maps
        )


def _check_divides(groups: int, maps: list[LinearMap]) -> None:
    widths = sorted({one.shape[1] for one in maps})
    if any(width % groups for width in widths):
        raise ValueError(
            'velora_groups: expected a common divisor of the numbers of '
            f'inputs, {widths}, got {groups}.'
        )
