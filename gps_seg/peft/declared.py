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

from gps_seg.sparse.training.selected_entries import release_owner


class _Declaration(NamedTuple):
    before: bool
    trains: bool
    holder: object


#: The declaration of each parameter; none keeps its parameter alive.
_declared = WeakTensorKeyDictionary()


def declare(parameter: nn.Parameter, trains: bool, holder: object) -> None:
    """Let a parameter require grad or not, and drop a gradient it holds.

    Args:
        parameter: A parameter that is not declared at present.
        trains: True to let it require grad.
        holder: Key of :func:`give_back`, which undoes this.
    """
    before = parameter.requires_grad
    _declared[parameter] = _Declaration(before, trains, holder)
    parameter.requires_grad_(trains)
    parameter.grad = None


def give_back(parameters: Iterable[nn.Parameter], holder: object) -> None:
    """Undo what ``holder`` declared, unless others have declared since.

    What was frozen, or set free, after it was declared stays so.
    """
    for parameter in parameters:
        declared = _declared.get(parameter)
        if declared is not None and declared.holder is holder:
            if parameter.requires_grad is declared.trains:
                parameter.requires_grad_(declared.before)
            del _declared[parameter]


def release(model: nn.Module) -> None:
    """Make a tuned model a plain one, as it was before it was tuned.

    Its values stay; a model that was not tuned stays as it is. Call it before
    a method is asked for the roles of the parameters.
    """
    for parameter in model.parameters():
        release_owner(parameter)
        declared = _declared.get(parameter)
        if declared is not None:
            give_back([parameter], declared.holder)
