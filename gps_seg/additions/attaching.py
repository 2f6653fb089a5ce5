# Copyright (c) gps_seg contributors. Apache-2.0.
"""Attach the additions of a plan to a model, and detach them.

Attached, the model has the modules, names and values that it had, and some
more. Detached, it is the plain model, bit for bit.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from torch import Tensor, nn

from gps_seg.additions.addition import Addition
from gps_seg.additions.building import MISFITS, built, check_apart, misfit
from gps_seg.additions.compilation import heed_hooks
from gps_seg.additions.hosts import (
    CHILD,
    AddedModules,
    hosts_in,
    plain_parameters,
)
from gps_seg.additions.inspecting import plan_of
from gps_seg.additions.linear_form import LinearForm
from gps_seg.additions.names import host_of, is_form, key_of
from gps_seg.additions.plan import Added, Plan
from gps_seg.additions.weight_forms import intercept
from gps_seg.sparse.state import fork_rng, seed_cpu

_RUNS_ITS_CHILDREN = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


def attach(model: nn.Module, plan: Plan, seed: int) -> None:
    """Add the modules of a plan to a model, in place.

    If an error is raised, the model is unchanged. Random generators keep
    their state.

    Args:
        model: Plain model.
        plan: Additions and their places; empty to add nothing.
        seed: Seed of the initial values.

    Raises:
        RuntimeError: If something has already been added to the model.
        ValueError: If the plan does not fit the model; the message names the
            place.

    Example:
        >>> import torch
        >>> from gps_seg.additions import Added, Place, Plan
        >>> model = nn.ModuleDict({'fc': nn.Linear(4, 3)})
        >>> place = Place('fc.weight')
        >>> settings = {'rank': 2, 'scale': 1.0, 'dropout': 0.0}
        >>> attach(model, Plan([Added('low_rank', place, settings)]), seed=0)
        >>> [name for name, _ in model.named_parameters()][-2:]
        ['fc.added.low_rank.a', 'fc.added.low_rank.b']
        >>> detach(model)
        >>> [name for name, _ in model.named_parameters()]
        ['fc.weight', 'fc.bias']
    """
    present = plan_of(model) if hosts_in(model) else None
    if present:
        kinds = sorted({one.kind for one in present})
        raise RuntimeError(
            f'additions: expected a plain model, got one with {len(present)} '
            f'additions ({", ".join(kinds)}). Two methods cannot act on one '
            'model: merge or detach (gps_seg.additions) what is there first.'
        )
    if not plan:
        return
    heed_hooks()
    tensors = dict(model.state_dict(keep_vars=True))
    modules = dict(model.named_modules())
    with fork_rng():
        seed_cpu(seed)
        added = [_started(one, tensors) for one in plan]
    hosts = [_host_of(one, modules, tensors) for one in plan]
    check_apart(added)
    try:
        for one, addition, host in zip(plan, added, hosts, strict=True):
            _register(host, one, addition)
        _intercept(model)
    except BaseException:
        detach(model)
        raise


def detach(model: nn.Module) -> None:
    """Turn a model with additions into the plain model, in place.

    A model without additions is not changed.

    Args:
        model: Model with or without additions.

    Example:
        >>> model = nn.ModuleDict({'fc': nn.Linear(4, 3)})
        >>> detach(model)
        >>> list(model.state_dict())
        ['fc.weight', 'fc.bias']
    """
    for host in hosts_in(model):
        for handle in getattr(host, CHILD).handles:
            handle.remove()
        delattr(host, CHILD)


@contextmanager
def attached(model: nn.Module, plan: Plan, seed: int) -> Iterator[None]:
    """A context in which a model has the additions of a plan.

    On exit, after an error too, it is the plain model again.

    Args:
        model: Plain model.
        plan: Additions and their places; empty to add nothing.
        seed: Seed of the initial values.

    Raises:
        RuntimeError: If something has already been added to the model.
        ValueError: If the plan does not fit the model.

    Example:
        >>> from gps_seg.additions import Added, Place, Plan
        >>> model = nn.ModuleDict({'fc': nn.Linear(4, 3)})
        >>> plan = Plan([Added('scale_inputs', Place('fc.weight'))])
        >>> with attached(model, plan, seed=0):
        ...     print(plan_of(model) == plan)
        True
        >>> len(plan_of(model))
        0
    """
    attach(model, plan, seed)
    try:
        yield
    finally:
        detach(model)


def _started(one: Added, tensors: Mapping[str, Tensor]) -> Addition:
    """An addition with its initial values."""
    addition = built(one, tensors)
    if isinstance(addition, LinearForm):
        weight = tensors[one.place.name].detach()
        if not weight.is_meta:
            addition.start(weight[slice(*addition.rows)])
    return addition


def _host_of(
    one: Added,
    modules: Mapping[str, nn.Module],
    tensors: Mapping[str, Tensor],
) -> nn.Module:
    """The module that hosts an addition."""
    name = host_of(one)
    if name not in modules:
        raise ValueError(
            f'additions: expected a module of the model, got {name!r} '
            f'({one.kind}). The plan is for another architecture.'
        )
    if is_form(one.kind):
        _check_not_tied(one.place.name, tensors)
    host = modules[name]
    if isinstance(host, _RUNS_ITS_CHILDREN):
        raise ValueError(
            'additions: expected a host that does not run its children in '
            f'turn, got {type(host).__name__} ({name}).'
        )
    if next(host.parameters(), None) is None:
        raise ValueError(
            'additions: expected a host with parameters, whose device and '
            f'dtype are taken, got {type(host).__name__} ({name}).'
        )
    present = getattr(host, CHILD, None)
    if present is not None:
        raise ValueError(
            f"additions: expected a module without '{CHILD}', got one with "
            f'{type(present).__name__} ({name}). The name is reserved.'
        )
    return host


def _check_not_tied(name: str, tensors: Mapping[str, Tensor]) -> None:
    same = [n for n, t in tensors.items() if t is tensors.get(name)]
    if len(same) > 1:
        raise ValueError(
            f'additions: expected a weight with one name, got {same}. A tied '
            'weight cannot be changed at one place only.'
        )


def _register(host: nn.Module, one: Added, addition: Addition) -> None:
    like = next(iter(plain_parameters(host).values()))
    container = getattr(host, CHILD, None)
    if container is None:
        container = AddedModules()
        host.add_module(CHILD, container)
    addition.to(like.device, like.dtype).train(host.training)
    container[key_of(one)] = addition
    try:
        # One by one: those before an error are taken off again.
        for handle in addition.hang(host):
            container.handles.append(handle)
    except MISFITS as error:
        raise misfit(one, error) from None


def _intercept(model: nn.Module) -> None:
    """Intercept the weights that have forms."""
    for name, host in list(model.named_modules()):
        container = getattr(host, CHILD, None)
        if not isinstance(container, AddedModules):
            continue
        forms = defaultdict(list)
        for addition in container.values():
            if isinstance(addition, LinearForm):
                forms[addition.attribute].append(addition)
        for attribute, own in forms.items():
            weight = f'{name}.{attribute}' if name else attribute
            container.handles += intercept(model, weight, own)
