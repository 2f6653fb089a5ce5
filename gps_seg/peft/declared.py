# Copyright (c) gps_seg contributors. Apache-2.0.
"""Declare which parameters train, and undo it.

A declaration changes only ``requires_grad`` in a model. The earlier value is
kept outside of the model, so that a declaration can be undone even if the
object that made it is gone. A second tuning of the same model therefore starts
from the same state as the first.
"""

from collections.abc import Iterable
from typing import NamedTuple

from torch import nn
from torch.utils.weak import WeakTensorKeyDictionary

from gps_seg.sparse.training.selected_entries import release_owner


class _Declaration(NamedTuple):
    before: bool
    trains: bool
    holder: object


#: Parameter -> its declaration; parameters are held weakly.
_declared = WeakTensorKeyDictionary()


def declare(parameter: nn.Parameter, trains: bool, holder: object) -> None:
    """Set ``requires_grad`` of a parameter, and drop its gradient.

    Args:
        parameter: Parameter without a declaration.
        trains: New value of ``requires_grad``.
        holder: Key by which :func:`give_back` undoes the declaration.
    """
    before = parameter.requires_grad
    _declared[parameter] = _Declaration(before, trains, holder)
    parameter.requires_grad_(trains)
    parameter.grad = None


def give_back(parameters: Iterable[nn.Parameter], holder: object) -> None:
    """Undo the declarations of ``holder`` that are still in force.

    A ``requires_grad`` that was changed after the declaration is kept.
    """
    for parameter in parameters:
        declared = _declared.get(parameter)
        if declared is not None and declared.holder is holder:
            if parameter.requires_grad is declared.trains:
                parameter.requires_grad_(declared.before)
            del _declared[parameter]


def release(model: nn.Module) -> None:
    """Turn a tuned model into a plain model again.

    Its values stay, and ``requires_grad`` is restored. A model that was not
    tuned is not changed. Call this before :meth:`PeftMethod.roles`.

    Args:
        model: Model to release.

    Example:
        >>> from gps_seg.peft import Linear, release, tune
        >>> model = nn.ModuleDict(
        ...     {'backbone': nn.Linear(4, 4), 'head': nn.Linear(4, 2)}
        ... )
        >>> _ = tune(model, Linear(), losses=[], seed=0)
        >>> model['backbone'].weight.requires_grad
        False
        >>> release(model)
        >>> model['backbone'].weight.requires_grad
        True
    """
    for parameter in model.parameters():
        release_owner(parameter)
        declared = _declared.get(parameter)
        if declared is not None:
            give_back([parameter], declared.holder)
