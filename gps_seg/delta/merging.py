# Copyright (c) gps_seg contributors. Apache-2.0.
"""Merge base and delta into the full weights of the tuned model."""

import copy
from collections.abc import Mapping

import torch
from torch import Tensor

from gps_seg.additions import folded
from gps_seg.delta.base.matching import base_values
from gps_seg.delta.change import Change
from gps_seg.delta.delta import Delta
from gps_seg.delta.shared_memory import (
    check_agreement,
    is_expanded,
    sharing_memory,
)
from gps_seg.delta.values import Coded


def merged_state(
    base_state: Mapping[str, Tensor], delta: Delta
) -> dict[str, Tensor]:
    """Compute the state dict of the tuned model; the base does not change.

    What the delta adds to the base is folded into its weights, exactly but for
    rounding. Tensors that share memory in the base also share memory in the
    result.

    Args:
        base_state: State dict of the base; tensors that are new in the task
            may be absent, or have any shape.
        delta: Delta of this base.

    Raises:
        ValueError: If ``base_state`` is not the base of the delta, or two of
            its tensors share memory and would get different values; or
            something that the delta adds has no equivalent in the weights.

    Example:
        >>> from gps_seg.delta import extract
        >>> base = {'bias': torch.zeros(3)}
        >>> delta = extract(base, {'bias': torch.tensor([0.0, 1.0, 0.0])})
        >>> merged_state(base, delta)
        {'bias': tensor([0., 1., 0.])}
    """
    # Copying the whole dict at once keeps tied tensors tied.
    merged = copy.deepcopy(dict(base_state))
    rest = delta.without_new()
    values = resolved(rest, base_values(merged, rest))
    for name in delta.new:
        change = delta.changes[name]
        values[name] = new_values(name, change)
        present = merged.get(name)
        if present is None or not _is_like(present, change):
            # What is added is folded into weights, on their device.
            merged[name] = torch.empty(
                change.shape, dtype=change.dtype, device=_device_of(merged)
            )
    for name in delta.changes:
        if is_expanded(merged[name]):
            merged[name] = merged[name].contiguous()
    tensors = {name: merged[name] for name in delta.changes}
    for name, change in delta.changes.items():
        change.write(tensors[name], values[name])
    for names in sharing_memory(tensors):
        check_agreement(names, delta.changes, tensors, values)
    return folded(merged, delta.info.plan)


def _device_of(tensors: Mapping[str, Tensor]) -> torch.device:
    """The device of the first tensor; the CPU if there is none."""
    devices = (tensor.device for tensor in tensors.values())
    return next(devices, torch.device('cpu'))


def _is_like(tensor: Tensor, change: Change) -> bool:
    return (tensor.shape, tensor.dtype) == (change.shape, change.dtype)


def resolved(
    delta: Delta, base: Mapping[str, Tensor]
) -> dict[str, Tensor]:  # each of shape (num_entries,)
    """The new values of all entries, in the dtypes of the model.

    Args:
        delta: Delta with the values.
        base: Values of the base at these entries, by name; see
            :func:`~gps_seg.delta.base.matching.base_values`.

    Raises:
        ValueError: If adding a coded difference overflows.
    """
    return {
        name: resolve(name, change, base[name])
        for name, change in delta.changes.items()
    }


def new_values(name: str, change: Change) -> Tensor:  # shape: (num_entries,)
    """The values of a tensor that has no base; see :func:`resolved`."""
    zeros = torch.zeros(len(change.values), dtype=change.dtype)
    return resolve(name, change, zeros)


def resolve(
    name: str,
    change: Change,
    base: Tensor,  # shape: (num_entries,)
) -> Tensor:  # shape: (num_entries,)
    """The new values of one tensor; see :func:`resolved`."""
    is_new = change.base is None
    values = change.values.resolve(torch.zeros_like(base) if is_new else base)
    # Values that are not coded were checked when they were read.
    if isinstance(change.values, Coded) and not _is_finite(values):
        raise ValueError(
            'values: expected finite values, got a sum of base and '
            f'difference that is not finite ({name}). Use the delta before '
            'it was quantized, or quantize it to more bits.'
        )
    return values


def _is_finite(values: Tensor) -> bool:
    return bool(values.isfinite().all())
