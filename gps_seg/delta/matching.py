# Copyright (c) gps_seg contributors. Apache-2.0.
"""Is this the base that a delta was made from?"""

from collections.abc import Collection, Mapping

from torch import Tensor, nn

from gps_seg.delta.change import DTYPE_NAMES, Change, digest
from gps_seg.delta.delta import Delta
from gps_seg.delta.fingerprint import fingerprint_of
from gps_seg.delta.sources import Source, find_tensors


def base_values(
    source: Source, delta: Delta
) -> dict[str, Tensor]:  # each of shape (num_entries,)
    """The base's values at the entries of a delta, checked and copied.

    If the delta has a fingerprint of the base, all tensors in it are compared
    as a whole; of a state dict, those that it has. Without one the rest of
    the base may be anything. A tensor that is new in the task has no base to
    match; its present values are given all the same.

    Args:
        source: A model, or the state dict of one, without a delta applied.
        delta: Made for such a model.

    Raises:
        ValueError: If a tensor is missing, has another shape or dtype, or
            other values than the base had.
    """
    tensors = tensors_of(source, delta)
    values, strangers = {}, set()
    for name, change in delta.changes.items():
        values[name] = change.read(tensors[name])
        if change.base not in (None, digest(values[name], change.shape)):
            strangers.add(name)
    rest = known_whole(source, delta)
    for name, known in fingerprint_of(rest).items():
        if (delta.fingerprint or {})[name] != known:
            strangers.add(name)
    if strangers:
        raise another_base(delta, strangers)
    return values


def known_whole(source: Source, delta: Delta) -> dict[str, Tensor]:
    """The tensors that a delta knows whole, as far as there are any.

    Raises:
        ValueError: If one is on the device ``meta``, without values.
    """
    tensors = find_tensors(source, delta.fingerprint or ())
    for name, tensor in tensors.items():
        _check_has_values(name, tensor)
    return tensors


def another_base(delta: Delta, strangers: Collection[str]) -> ValueError:
    """The error for a base that differs in these tensors."""
    names = sorted(strangers)
    total = len(delta.changes.keys() | (delta.fingerprint or {}).keys())
    return ValueError(
        f'base: expected the weights that the delta was made from, got others '
        f'in {len(names)} of {total} tensors ({names[0]}, ...). Load the base '
        'checkpoint of the delta; if a delta is applied to this model, revert '
        f'it first. {_seed_hint(delta)}'
    )


def _seed_hint(delta: Delta) -> str:
    """What else can be wrong with a base that a config builds."""
    if delta.info.seed is None:
        return (
            'If no file holds those tensors, build them with the seed of the '
            'run (randomness.seed in the config); the log of the run has it.'
        )
    return (
        f'If no file holds those tensors, they are those of seed '
        f'{delta.info.seed}, or in the base.pth that the run wrote beside the '
        'delta (load_from in the config).'
    )


def tensors_of(source: Source, delta: Delta) -> dict[str, Tensor]:
    """The tensors that a delta changes, of the right shapes and dtypes.

    A model must also have those that it does not change; of a state dict,
    which may be that of an encoder alone, they may be absent.

    Raises:
        ValueError: If a tensor is missing, or has another shape or dtype.
    """
    needed = list(delta.changes)
    if isinstance(source, nn.Module):
        needed += sorted((delta.fingerprint or {}).keys() - set(needed))
    tensors = find_tensors(source, needed)
    _check_names(tensors, needed, delta)
    for name, change in delta.changes.items():
        _check_type(name, tensors[name], change, delta)
    return {name: tensors[name] for name in delta.changes}


def _check_names(
    tensors: Mapping[str, Tensor], needed: list[str], delta: Delta
) -> None:
    missing = [name for name in needed if name not in tensors]
    if missing:
        raise ValueError(
            f'base: expected a model with all tensors of the delta, got none '
            f'for {len(missing)} of {len(needed)} ({missing[0]}, ...). Build '
            f'the model from the config of the delta{_classes_phrase(delta)}.'
        )


def _classes_phrase(delta: Delta) -> str:
    names = ', '.join(delta.info.classes)
    return f', whose classes are {names}' if names else ''


def _check_has_values(name: str, tensor: Tensor) -> None:
    if tensor.is_meta:
        raise ValueError(
            f'base: expected weights, got a tensor on the device meta, which '
            f'has none ({name}). Load the weights of the base first.'
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
    _check_has_values(name, tensor)


def _classes_hint(delta: Delta) -> str:
    classes = delta.info.classes
    if not classes:
        return 'Build the model from the config of the delta.'
    return (
        f'If this is a head: the delta has {len(classes)} classes '
        f'({", ".join(classes)}); build the model with '
        f'num_classes={len(classes)}.'
    )
