# Copyright (c) gps_seg contributors. Apache-2.0.
"""Is this the base that a delta was made from?"""

from collections.abc import Mapping

from torch import Tensor

from gps_seg.delta.change import DTYPE_NAMES, Change, digest
from gps_seg.delta.delta import Delta
from gps_seg.delta.sources import Source, find_tensors


def base_values(
    source: Source, delta: Delta
) -> dict[str, Tensor]:  # each of shape (num_entries,)
    """The base's values at the entries of a delta, checked and copied.

    Time goes with the entries of the delta, not with the size of the model.
    A tensor that is new in the task has no base to match; its present values
    are given all the same.

    Args:
        source: A model, or the state dict of one, without a delta applied.
        delta: Made for such a model.

    Raises:
        ValueError: If a tensor is missing, has another shape or dtype, or
            other values than the base had at these entries.
    """
    tensors = tensors_of(source, delta)
    values, strangers = {}, []
    for name, change in delta.changes.items():
        values[name] = change.read(tensors[name])
        if change.base not in (None, digest(values[name], change.shape)):
            strangers.append(name)
    if strangers:
        raise ValueError(
            f'base: expected the weights that the delta was made from, got '
            f'others in {len(strangers)} of {len(delta.changes)} tensors '
            f'({strangers[0]}, ...). Load the base checkpoint of the delta; '
            'if a delta is applied to this model, revert it first.'
        )
    return values


def tensors_of(source: Source, delta: Delta) -> dict[str, Tensor]:
    """The tensors that a delta changes, of the right shapes and dtypes.

    Raises:
        ValueError: If a tensor is missing, or has another shape or dtype.
    """
    tensors = find_tensors(source, delta.changes)
    _check_names(tensors, delta)
    for name, change in delta.changes.items():
        _check_type(name, tensors[name], change, delta)
    return tensors


def _check_names(tensors: Mapping[str, Tensor], delta: Delta) -> None:
    missing = [name for name in delta.changes if name not in tensors]
    if missing:
        raise ValueError(
            f'base: expected a model with all tensors of the delta, got none '
            f'for {len(missing)} of {len(delta.changes)} ({missing[0]}, '
            '...). Build the model from the config of the delta.'
        )


def _check_type(
    name: str, tensor: Tensor, change: Change, delta: Delta
) -> None:
    if tensor.shape != change.shape:
        raise ValueError(
            f'base: expected shape {tuple(change.shape)}, got '
            f'{tuple(tensor.shape)} ({name}). {_classes_hint(delta)}'
        )
    if tensor.dtype != change.dtype:
        raise ValueError(
            f'base: expected {DTYPE_NAMES[change.dtype]}, got {tensor.dtype} '
            f'({name}). Apply the delta first and convert the model then.'
        )


def _classes_hint(delta: Delta) -> str:
    classes = delta.info.classes
    if not classes:
        return 'Build the model from the config of the delta.'
    return (
        f'If this is a head: the delta has {len(classes)} classes '
        f'({", ".join(classes)}); build the model with '
        f'num_classes={len(classes)}.'
    )
