# Copyright (c) gps_seg contributors. Apache-2.0.
"""What is attached to a model."""

from collections.abc import Iterator

from torch import nn

from gps_seg.additions.addition import Addition
from gps_seg.additions.hosts import CHILD, AddedModules
from gps_seg.additions.plan import Plan


def additions_of(model: nn.Module) -> dict[str, Addition]:
    """The additions of a model, by their names in it.

    Example:
        >>> from gps_seg.additions import Added, Place, Plan, attach
        >>> model = nn.ModuleDict({'fc': nn.Linear(4, 3)})
        >>> added = Added('scale_inputs', Place('fc.weight'))
        >>> attach(model, Plan([added]), seed=0)
        >>> additions_of(model)
        {'fc.added.scale_inputs': ScaleInputs()}
    """
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, Addition)
    }


def plan_of(model: nn.Module) -> Plan:
    """The plan of what was added to a model; empty for a plain model.

    Example:
        >>> from gps_seg.additions import Added, Place, Plan, attach
        >>> model = nn.ModuleDict({'fc': nn.Linear(4, 3)})
        >>> added = Added('scale_inputs', Place('fc.weight'))
        >>> attach(model, Plan([added]), seed=0)
        >>> plan_of(model) == Plan([added])
        True
    """
    return Plan(one.described for one in additions_of(model).values())


def beside(model: nn.Module) -> dict[nn.Parameter, nn.Parameter]:
    """Each added parameter -> the one whose rate and decay it takes.

    Example:
        >>> from gps_seg.additions import Added, Place, Plan, attach
        >>> model = nn.ModuleDict({'fc': nn.Linear(4, 3)})
        >>> added = Added('scale_inputs', Place('fc.weight'))
        >>> attach(model, Plan([added]), seed=0)
        >>> (plain,) = beside(model).values()
        >>> plain is model['fc'].bias
        True
    """
    return {
        dict(addition.named_parameters())[name]: plain
        for host, addition in _hosted(model)
        for name, plain in addition.beside(host).items()
    }


def _hosted(model: nn.Module) -> Iterator[tuple[nn.Module, Addition]]:
    for host in model.modules():
        container = getattr(host, CHILD, None)
        if isinstance(container, AddedModules):
            for addition in container.values():
                assert isinstance(addition, Addition)
                yield host, addition
