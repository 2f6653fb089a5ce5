# Copyright (c) gps_seg contributors. Apache-2.0.
"""Build one addition from its plain data."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

import torch
from torch import Tensor

from gps_seg.additions.addition import Addition
from gps_seg.additions.kinds import ADDITIONS
from gps_seg.additions.linear_form import LinearForm
from gps_seg.additions.names import is_form, prefix_of
from gps_seg.additions.plan import Added, Place, Plan
from gps_seg.additions.settings import check_settings

#: Errors of settings that do not fit a model or one another.
MISFITS = (ValueError, ArithmeticError, AttributeError, LookupError)


def misfit(one: Added, error: Exception) -> ValueError:
    """The error of an addition whose settings do not fit, in one line.

    Args:
        one: Kind, place and settings.
        error: Error that its class raised.
    """
    first = str(error).partition('\n')[0] or type(error).__name__
    return ValueError(f'{one.kind}: {first} ({one.place})')


def built(one: Added, tensors: Mapping[str, Tensor]) -> Addition:
    """Build an addition with its initial values.

    Args:
        one: Kind, place and settings.
        tensors: Tensors of the plain model, by name.

    Raises:
        ValueError: If kind, settings or place are wrong.
    """
    settings = dict(one.settings)
    rows, shape = (0, 0), ''
    if is_form(one.kind):
        shape = 'shape'
        weight = _weight_at(one, tensors)
        rows = _rows_of(one.place, weight)
        settings['shape'] = (rows[1] - rows[0], weight.shape[1])
    try:
        check_settings(ADDITIONS[one.kind], one.settings, given=shape)
        addition = ADDITIONS[one.kind](**settings)
    except (*MISFITS, TypeError, RuntimeError) as error:
        raise misfit(one, error) from None
    addition.described = one
    if isinstance(addition, LinearForm):
        addition.attribute = one.place.name.rpartition('.')[2]
        addition.rows = rows
    return addition


def rebuilt(
    one: Added, tensors: Mapping[str, Tensor], own: Mapping[str, Tensor]
) -> Addition:
    """Build an addition with given values, for evaluation.

    Args:
        one: Kind, place and settings.
        tensors: Tensors of the plain model, by name.
        own: Tensors of the addition, by their names in the model; others may
            be among them.

    Raises:
        ValueError: See :func:`built`.
    """
    addition = built(one, tensors)
    prefix = prefix_of(one)
    values = {
        name.removeprefix(prefix): tensor
        for name, tensor in own.items()
        if name.startswith(prefix)
    }
    for some in list(values.values())[:1]:  # there may be none
        addition.to(some.device, some.dtype)
    addition.eval().load_state_dict(values)
    return addition


def check_apart(additions: Iterable[Addition]) -> None:
    """Raise ValueError if two forms are at the same rows of a weight."""
    forms = [one for one in additions if isinstance(one, LinearForm)]
    forms.sort(key=lambda form: (form.described.place.name, form.rows))
    for one, other in pairwise(forms):
        name = one.described.place.name
        if name == other.described.place.name and other.rows[0] < one.rows[1]:
            raise ValueError(
                f'additions: expected one form for each row of {name}, got '
                f'{one.described.kind} ({one.described.place}) and '
                f'{other.described.kind} ({other.described.place}).'
            )


def shapes_of(
    plan: Plan, tensors: Mapping[str, Tensor]
) -> dict[str, torch.Size]:
    """Shapes of all parameters and buffers of a plan, by name.

    No memory is used for them.

    Args:
        plan: Additions to a model.
        tensors: Tensors of the plain model, by name.

    Raises:
        ValueError: See :func:`built`.

    Example:
        >>> plan = Plan([Added('scale_inputs', Place('fc.weight'))])
        >>> shapes_of(plan, {'fc.weight': torch.zeros(3, 4)})
        {'fc.added.scale_inputs.factor': torch.Size([4])}
    """
    return {
        prefix_of(one) + name: tensor.shape
        for one, addition in without_memory(plan, tensors)
        for name, tensor in addition.state_dict().items()
    }


def without_memory(
    plan: Plan, tensors: Mapping[str, Tensor]
) -> Iterator[tuple[Added, Addition]]:
    """Build all additions of a plan on the ``meta`` device.

    Args:
        plan: Additions to a model.
        tensors: Tensors of the plain model, by name.

    Raises:
        ValueError: See :func:`built`.
    """
    for one in plan:
        with torch.device('meta'):
            addition = built(one, tensors)
        yield one, addition


def _weight_at(one: Added, tensors: Mapping[str, Tensor]) -> Tensor:
    name = one.place.name
    if name not in tensors:
        raise ValueError(
            f'additions: expected a weight of the model, got {name!r} '
            f'({one.kind}). The plan is for another architecture.'
        )
    return tensors[name]


def _rows_of(place: Place, weight: Tensor) -> tuple[int, int]:
    if weight.ndim != 2:
        raise ValueError(
            'additions: expected the weight of a linear map, of two axes, '
            f'got shape {tuple(weight.shape)} ({place}).'
        )
    start, stop = place.rows or (0, len(weight))
    if not 0 <= start < stop <= len(weight):
        raise ValueError(
            f'additions: expected rows between 0 and {len(weight)}, got '
            f'{place}.'
        )
    return start, stop
