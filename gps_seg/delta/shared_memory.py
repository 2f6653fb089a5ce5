# Copyright (c) gps_seg contributors. Apache-2.0.
"""Tensors that share memory: tied weights, and views that overlap."""

from collections.abc import Iterable, Mapping

from torch import Tensor

from gps_seg.delta.change import Change, same_bits


def sharing_memory(tensors: Mapping[str, Tensor]) -> list[list[str]]:
    """Group names of tensors; the tensors of a group share memory."""
    spans = sorted(
        (str(tensor.device), memory.data_ptr(), memory.nbytes(), name)
        for name, tensor in tensors.items()
        for memory in [tensor.untyped_storage()]
    )
    groups: list[list[str]] = []
    last, end = '', 0
    for device, start, length, name in spans:
        if device == last and start < end:
            groups[-1].append(name)
        else:
            groups.append([name])
            last, end = device, 0
        end = max(end, start + length)
    return groups


def is_expanded(tensor: Tensor) -> bool:
    """Whether entries of a tensor share memory, as after ``expand``."""
    axes = zip(tensor.shape, tensor.stride(), strict=True)
    return any(length > 1 and step == 0 for length, step in axes)


def check_agreement(
    names: Iterable[str],
    changes: Mapping[str, Change],
    tensors: Mapping[str, Tensor],
    written: Mapping[str, Tensor],
) -> None:
    """Check that no value was overwritten under another name.

    Args:
        names: Names of tensors that share memory.
        changes: All changes of a delta, by name.
        tensors: Tensors after they were written, by name.
        written: New values by name, in the order of the entries.

    Raises:
        ValueError: If a tensor does not have the values that were written.
    """
    names = list(names)
    if len(names) == 1 and tensors[names[0]].is_contiguous():
        return
    for name in names:
        values = written[name].to(tensors[name].device)
        if not same_bits(changes[name].read(tensors[name]), values):
            raise ValueError(
                'delta: expected one value for each place in memory, got '
                f'different ones ({", ".join(names)}). These tensors share '
                'memory in this model (one weight under several names, or '
                'views that overlap), but not in the model of the delta. Give '
                'each its own memory.'
            )
