# Copyright (c) gps_seg contributors. Apache-2.0.
"""What a host keeps of its additions."""

from itertools import chain
from typing import Protocol

from torch import nn

#: Name of the child in which a module keeps what was added to it.
CHILD = 'added'


class Handle(Protocol):
    """What undoes a change of a host, such as a handle of a hook."""

    def remove(self) -> None:
        """Undo it."""


class AddedModules(nn.ModuleDict):
    """The additions of one host, by kind and place, and their hooks."""

    def __init__(self) -> None:
        super().__init__()
        self.handles: list[Handle] = []


def hosts_in(model: nn.Module) -> list[nn.Module]:
    """The modules of a model that have additions, in no particular order.

    This is asked whenever deltas are switched; ``model.modules()`` takes four
    times as long.

    Args:
        model: Model with or without additions.
    """
    hosts: list[nn.Module] = []
    seen: set[nn.Module] = set()
    waiting: list[nn.Module | None] = [model]
    while waiting:
        module = waiting.pop()
        if module is None or module in seen:
            continue
        seen.add(module)
        if isinstance(module._modules.get(CHILD), AddedModules):
            hosts.append(module)
        waiting += module._modules.values()
    return hosts


def added_names(model: nn.Module) -> frozenset[str]:
    """Names of the parameters and buffers that were added to a model.

    A module of the encoder that happens to be called ``added`` has none.

    Args:
        model: Model with or without additions.

    Example:
        >>> from gps_seg.additions import Added, Place, Plan, attach
        >>> model = nn.ModuleDict({'fc': nn.Linear(4, 3)})
        >>> added = Added('scale_inputs', Place('fc.weight'))
        >>> attach(model, Plan([added]), seed=0)
        >>> sorted(added_names(model))
        ['fc.added.scale_inputs.factor']
    """
    return frozenset(
        f'{name}.{own}'
        for name, module in model.named_modules()
        if isinstance(module, AddedModules)
        for own, _ in chain(module.named_parameters(), module.named_buffers())
    )


def plain_parameters(host: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters of a module without what was added, by name."""
    added = added_names(host)
    return {
        name: parameter
        for name, parameter in host.named_parameters()
        if name not in added
    }
