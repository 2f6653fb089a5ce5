# Copyright (c) gps_seg contributors. Apache-2.0.
"""Attach what a delta adds to its base."""

from collections.abc import Mapping

from torch import Tensor, nn

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
    if delta.info.plan:
        check_added(model.state_dict(), delta)
    attach(model, delta.info.plan, seed=0)


def check_added(base: Mapping[str, Tensor], delta: Delta) -> None:
    """Raise ValueError unless the plan of a delta fits base and tensors.

    Args:
        base: Tensors of the base, by name.
        delta: Delta, with or without a plan.
    """
    # A damaged file must not ask for more memory than its tensors have.
    for name, shape in shapes_of(delta.info.plan, base).items():
        change = delta.changes.get(name)
        got = None if change is None else tuple(change.shape)
        if got != tuple(shape):
            raise ValueError(
                f'delta: expected a tensor of shape {tuple(shape)} for what '
                f'is added to the model, got {got} ({name}). The file is '
                'damaged, or was made for another architecture.'
            )


def require_nothing_added(action: str, *deltas: Delta) -> None:
    """Raise ValueError if a delta adds modules, which ``action`` cannot do.

    Args:
        action: Name of the action, for the message.
        *deltas: Deltas to check.
    """
    for delta in deltas:
        plan = delta.info.plan
        if plan:
            kinds = ', '.join(sorted({one.kind for one in plan}))
            raise ValueError(
                f'{action}: expected deltas that change the weights of the '
                f'base, got one that adds {len(plan)} modules ({kinds}), '
                'whose values have no base. Merge it into full weights '
                '(tools/delta.py merge), and extract a delta from these '
                '(tools/delta.py extract).'
            )
