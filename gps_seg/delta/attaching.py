# Copyright (c) gps_seg contributors. Apache-2.0.
"""Attach what a delta adds to its base."""

from torch import nn

from gps_seg.additions import attach, shapes_of
from gps_seg.delta.delta import Delta


def attach_added(model: nn.Module, delta: Delta) -> None:
    """Attach the modules that a delta adds; their values are not set yet.

    Args:
        model: Base of the delta.
        delta: Delta, with or without a plan.

    Raises:
        RuntimeError: If something has already been added to the model.
        ValueError: If the plan does not fit the model, or not the tensors of
            the delta.
    """
    plan = delta.info.plan
    # A damaged file must not ask for more memory than its tensors have.
    for name, shape in shapes_of(plan, model.state_dict()).items():
        change = delta.changes.get(name)
        got = None if change is None else tuple(change.shape)
        if got != tuple(shape):
            raise ValueError(
                f'delta: expected a tensor of shape {tuple(shape)} for what '
                f'is added to the model, got {got} ({name}). The file is '
                'damaged, or was made for another architecture.'
            )
    attach(model, plan, seed=0)
