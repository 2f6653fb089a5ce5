# Copyright (c) gps_seg contributors. Apache-2.0.
"""Full fine-tuning: train every parameter that is not frozen."""

from dataclasses import dataclass

from torch import nn

from gps_seg.peft.whole.sub_tokens import KeepsSubTokens
from gps_seg.sparse import Role


@dataclass(frozen=True, kw_only=True)
class Full(KeepsSubTokens):
    """Train all parameters whole.

    Args:
        encoder: Name of the pretrained submodule; the rest is new in the task.
        velora_groups: Number of parts of each input of which one number is
            kept for approximate gradients (VeLoRA), see
            :class:`~gps_seg.peft.whole.sub_tokens.KeepsSubTokens`; None for
            exact gradients.

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

    def roles(self, model: nn.Module) -> dict[str, Role]:
        """``WHOLE`` wherever ``requires_grad`` is set."""
        return {
            name: Role.WHOLE if parameter.requires_grad else Role.FROZEN
            for name, parameter in model.named_parameters()
        }
