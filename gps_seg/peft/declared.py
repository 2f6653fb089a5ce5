# Copyright (c) gps_seg contributors. Apache-2.0.
"""Which parameters were declared to train, and what they did before.

``requires_grad`` is the one thing that a declaration changes at a model. It is
remembered beside the model, not in it, so that a declaration can be undone
also when whoever made it is gone: a second tuning of the same model starts
from what the first one found.
"""

from collections.abc import Iterable
from typing import NamedTuple

from torch import nn
from torch.utils.weak import WeakTensorKeyDictionary

from gps_seg.sparse import release_owner


class _Before(NamedTuple):
    requires_grad: bool
    holder: object


#: What a parameter did before it was declared; no entry keeps one alive.
_before = WeakTensorKeyDictionary()


def declare(parameter: nn.Parameter, trains: bool, holder: object) -> None:
    """Let a parameter require grad or not, and drop a gradient it holds.

    Args:
        parameter: Of a model that :func:`release` was called for.
        trains: Whether it shall require grad.
        holder: Who may undo this by :func:`give_back`.
    """
    _before[parameter] = _Before(parameter.requires_grad, holder)
    parameter.requires_grad_(trains)
    parameter.grad = None


def give_back(parameters: Iterable[nn.Parameter], holder: object) -> None:
    """Undo what ``holder`` declared, unless others have declared since."""
    for parameter in parameters:
        before = _before.get(parameter)
        if before is not None and before.holder is holder:
            parameter.requires_grad_(before.requires_grad)
            del _before[parameter]


def release(model: nn.Module) -> None:
    """Make a tuned model a plain one, as it was before it was tuned.

    Its values stay; a model that was not tuned stays as it is. Call it before
    a method is asked for the roles of the parameters.
    """
    for parameter in model.parameters():
        release_owner(parameter)
        before = _before.get(parameter)
        if before is not None:
            give_back([parameter], before.holder)
