# Copyright (c) gps_seg contributors. Apache-2.0.
"""Replace the tensors that an optimizer trains.

MMEngine builds the optimizer before the selection is known. Its parameter
groups stay, with their learning rates and decays; only the tensors in them are
replaced.
"""

import inspect
from collections.abc import Collection, Mapping
from typing import Any

from torch import Tensor
from torch.optim import Optimizer

from gps_seg.peft import owned_by


def check_keeps_no_other_list(optimizer: Optimizer) -> None:
    """Raise ValueError if the optimizer keeps parameters outside its groups.

    Replacing the tensors in the groups would then have no effect, and the
    selected entries would never change.
    """
    owned = owned_by(optimizer)
    for name, value in vars(optimizer).items():
        if name not in ('param_groups', 'state') and _holds(value, owned):
            raise ValueError(
                'optim_wrapper.optimizer: expected one that keeps its '
                f'parameters in param_groups, got {type(optimizer).__name__}, '
                f"which also keeps them in '{name}'. Choose another, such as "
                'AdamW: the trained values are few enough for every process.'
            )


def _holds(value: Any, owned: Collection[Tensor]) -> bool:
    if isinstance(value, Optimizer):
        return True
    if isinstance(value, Tensor):
        return value in owned
    if isinstance(value, Mapping):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list | tuple | set):
        return any(_holds(item, owned) for item in value)
    return False


def retarget(
    optimizer: Optimizer,
    form: Mapping[Tensor, Tensor],
    beside: Mapping[Tensor, Tensor],
) -> None:
    """Replace the tensors of an optimizer that has not taken a step.

    Args:
        optimizer: Optimizer; changed in place.
        form: Tensor of the optimizer -> its replacement; tensors without one
            are removed.
        beside: New tensor -> tensor of the optimizer whose group it joins.

    Raises:
        RuntimeError: If the optimizer has taken a step.
    """
    if any(_steps(state) for state in optimizer.state.values()):
        raise RuntimeError(
            'optimizer: expected no step before the selection, got state for '
            f'{len(optimizer.state)} parameters.'
        )
    joining: dict[Tensor, list[Tensor]] = {}
    for new, old in beside.items():
        joining.setdefault(old, []).append(form[new])
    for group in optimizer.param_groups:
        old = group['params']
        group['params'] = [form[p] for p in old if p in form]
        group['params'] += [new for p in old for new in joining.get(p, ())]
    if optimizer.state:  # made by the constructor, as in Adagrad
        optimizer.state.clear()
        optimizer.state.update(_without_steps(optimizer).state)


def prefer_fused(optimizer: Optimizer) -> None:
    """Step all trained tensors in one kernel, if the user left it open.

    Hundreds of small tensors train, and PyTorch's default on a CPU steps one
    after another: five times as slow for AdamW on a ViT-B.

    Args:
        optimizer: Optimizer; groups with ``fused`` or ``foreach`` keep them.
    """
    if optimizer.state:
        return  # made by the constructor for the plain loop, as in Adagrad
    for group in optimizer.param_groups:
        open_choice = 'fused' in group and group['fused'] is None
        if not open_choice or any(group.get(k) for k in _NOT_WITH_FUSED):
            continue
        if group.get('foreach') is None and all(map(_fits, group['params'])):
            group['fused'] = True


#: Settings of an optimizer that exclude its fused kernel.
_NOT_WITH_FUSED = ('differentiable', 'capturable')
#: Devices on which every optimizer with ``fused`` has the kernel.
_FUSED_DEVICES = ('cpu', 'cuda')


def _fits(parameter: Tensor) -> bool:
    return (
        parameter.is_floating_point()
        and parameter.device.type in _FUSED_DEVICES
    )


def hand_over(optimizer: Optimizer, heirs: Mapping[Tensor, Tensor]) -> None:
    """Replace tensors by others of the same meaning, which inherit the state.

    Args:
        optimizer: Optimizer; changed in place.
        heirs: Tensor of the optimizer -> its replacement, of the same shape.
    """
    for group in optimizer.param_groups:
        group['params'] = [heirs[p] for p in group['params']]
    states = {heirs[p]: state for p, state in optimizer.state.items()}
    optimizer.state.clear()
    optimizer.state.update(states)


def _steps(state: Mapping[str, Any]) -> float:
    """Number of steps in a state; 1 if the state has no count."""
    return float(state.get('step', 1))


def _without_steps(optimizer: Optimizer) -> Optimizer:
    """A new optimizer of the same kind, with the same groups."""
    accepted = inspect.signature(type(optimizer)).parameters
    settings = {k: v for k, v in optimizer.defaults.items() if k in accepted}
    groups = [dict(group) for group in optimizer.param_groups]
    return type(optimizer)(groups, **settings)
