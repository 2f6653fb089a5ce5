# Copyright (c) gps_seg contributors. Apache-2.0.
"""The parameters of additions that act by few values."""

from collections.abc import Mapping

import torch
from torch import Tensor

from gps_seg.additions.addition import Addition
from gps_seg.additions.building import rebuilt
from gps_seg.additions.kinds import ADDITIONS
from gps_seg.additions.names import prefix_of
from gps_seg.additions.plan import Added, Plan


def acting_by_few_values(plan: Plan) -> tuple[str, ...]:
    """Starts of the names of additions whose parameters act by few values.

    Args:
        plan: Additions to a model.
    """
    return tuple(prefix_of(one) for one in plan if _is_coded(one))


@torch.no_grad()
def coded(
    plan: Plan, own: Mapping[str, Tensor]
) -> dict[str, tuple[Tensor, Tensor]]:
    """Codes and levels of the parameters that act by few values.

    Args:
        plan: Additions to a model.
        own: Tensors of the additions, by their names in the model; others may
            be among them. An addition without tensors here is passed over.

    Returns:
        Name in the model -> see :meth:`Addition.coded`.
    """
    return {
        prefix_of(one) + name: pair
        for one in plan
        if _is_coded(one)
        and any(name.startswith(prefix_of(one)) for name in own)
        for name, pair in rebuilt(one, {}, own).coded().items()
    }


def _is_coded(one: Added) -> bool:
    return ADDITIONS[one.kind].coded is not Addition.coded
