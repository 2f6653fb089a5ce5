# Copyright (c) gps_seg contributors. Apache-2.0.
"""Fold additions into the weights of the plain model."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from gps_seg.additions.addition import NotMergeableError
from gps_seg.additions.attaching import detach
from gps_seg.additions.building import rebuilt
from gps_seg.additions.inspecting import plan_of
from gps_seg.additions.names import host_of, prefix_of
from gps_seg.additions.plan import Added, Plan


def merge(model: nn.Module) -> None:
    """Turn a model with additions into a plain one that computes the same.

    The outputs agree to rounding. If an error is raised, the model is
    unchanged.

    Args:
        model: Model with or without additions.

    Raises:
        ValueError: If an addition has no equivalent in the weights of the
            encoder; the message says why.

    Example:
        >>> from gps_seg.additions import Added, Place, Plan, attach
        >>> model = nn.ModuleDict({'fc': nn.Linear(4, 3)})
        >>> settings = {'rank': 2, 'scale': 1.0, 'dropout': 0.0}
        >>> place = Place('fc.weight')
        >>> attach(model, Plan([Added('low_rank', place, settings)]), seed=0)
        >>> x = torch.ones(1, 4)
        >>> before = model['fc'](x)
        >>> merge(model)
        >>> bool(torch.allclose(model['fc'](x), before))
        True
    """
    state = folded(model.state_dict(), plan_of(model))
    detach(model)
    # Not load_state_dict: hooks of a model may drop some of the tensors.
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            tensor.copy_(state[name])


@torch.no_grad()
def folded(state: Mapping[str, Tensor], plan: Plan) -> dict[str, Tensor]:
    """The state dict of a plain model that computes the same.

    Args:
        state: State dict of a model with additions; not changed.
        plan: Additions to that model.

    Raises:
        ValueError: See :func:`merge`.

    Example:
        >>> from gps_seg.additions import Added, Place, attach, plan_of
        >>> model = nn.ModuleDict({'fc': nn.Linear(4, 3)})
        >>> added = Added('scale_inputs', Place('fc.weight'))
        >>> attach(model, Plan([added]), seed=0)
        >>> list(folded(model.state_dict(), plan_of(model)))
        ['fc.weight', 'fc.bias']
    """
    added = tuple(map(prefix_of, plan))
    result = {n: t for n, t in state.items() if not n.startswith(added)}
    for one in plan:
        host = host_of(one)
        start = f'{host}.' if host else ''
        own = {
            name.removeprefix(start): tensor
            for name, tensor in result.items()
            if name.startswith(start)
        }
        for name, tensor in _folded(one, state, own).items():
            result[start + name] = tensor
    return result


def _folded(
    one: Added, state: Mapping[str, Tensor], host: Mapping[str, Tensor]
) -> Mapping[str, Tensor]:
    addition = rebuilt(one, state, state)
    try:
        return addition.merged(host)
    except NotMergeableError as error:
        raise ValueError(
            'merge: expected additions with an equivalent in the weights, but '
            f'{one.kind} cannot be merged: {error} ({one.place}). Use the '
            'delta with its base, or tune by a method that merges.'
        ) from None
