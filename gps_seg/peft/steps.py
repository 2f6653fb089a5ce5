# Copyright (c) gps_seg contributors. Apache-2.0.
"""Whether the coordinates of entries fit what trains."""

from collections.abc import Mapping

from gps_seg.sparse import Role
from gps_seg.sparse.training.unit_steps import UnitSteps


def check_steps(
    steps: Mapping[str, UnitSteps], roles: Mapping[str, Role]
) -> None:
    """Raise ValueError if a bias that steps change does not train whole."""
    for name, one in steps.items():
        if one.bias is not None and roles.get(one.bias) is not Role.WHOLE:
            found = roles.get(one.bias)
            raise ValueError(
                f'steps: expected the bias {one.bias} to train whole, got '
                f'{found and found.value} ({name}). A step of an entry '
                'changes the bias, too.'
            )
