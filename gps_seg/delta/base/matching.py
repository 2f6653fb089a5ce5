# Copyright (c) gps_seg contributors. Apache-2.0.
"""Match a base with the fingerprint in a delta."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from torch import Tensor, nn

from gps_seg.delta.base.known_tensors import KnownTensors
from gps_seg.delta.base.sources import Source, find_tensors
from gps_seg.delta.base.whole import (
    check_has_values,
    compare_rest,
    num_known,
    warn_of_rounding,
)
from gps_seg.delta.change import DTYPE_NAMES, Change, digest
from gps_seg.delta.delta import Delta


class Match(NamedTuple):
    """The values of a base at the entries of a delta.

    Args:
        values: Copied values by name, each of shape ``(num_entries,)``.
        rounded: Names of unchanged tensors that differ only by rounding.
    """

    values: dict[str, Tensor]
    rounded: frozenset[str]


def match(source: Source, delta: Delta) -> Match:
    """Check that a model or state dict is the base of a delta.

    If the delta has a fingerprint, all tensors in it are compared whole; a
    state dict may lack some of them. Without a fingerprint, only the entries
    of the delta are compared. A new tensor has no base to compare with, but
    its present values are returned, too.

    Tensors that the delta does not change may differ by the rounding of
    another kind of processor; a ``UserWarning`` names the first.

    Args:
        source: Model or state dict, without a delta.
        delta: Delta to compare with it.

    Raises:
        ValueError: If a tensor is missing, has another shape or dtype, or
            does not have the values of the base.
    """
    tensors = tensors_of(source, delta)
    values, strangers = {}, set()
    for name, change in delta.changes.items():
        values[name] = change.read(tensors[name])
        if change.base not in (None, digest(values[name], change.shape)):
            strangers.add(name)
    rest = compare_rest(source, delta, KnownTensors())
    strangers |= rest.strangers
    if strangers:
        raise another_base(delta, strangers)
    warn_of_rounding(delta, rest)
    return Match(values, rest.rounded)


def base_values(
    source: Source, delta: Delta
) -> dict[str, Tensor]:  # each of shape (num_entries,)
    """Check a base, and copy its values at the entries of a delta.

    Args:
        source: Model or state dict, without a delta.
        delta: Delta of this base.

    Raises:
        ValueError: See :func:`match`.
    """
    return match(source, delta).values


def another_base(delta: Delta, strangers: Collection[str]) -> ValueError:
    """The error for a base that differs in these tensors."""
    names = sorted(strangers)
    return ValueError(
        f'base: expected the weights that the delta was made from, got others '
        f'in {len(names)} of {num_known(delta)} tensors ({names[0]}, ...). '
        'Load the base checkpoint of the delta; if a delta is applied to this '
        f'model, revert it first. {_seed_hint(delta)}'
    )


def _seed_hint(delta: Delta) -> str:
    """Further advice for a base that a config builds."""
    if delta.info.seed is None:
        return (
            'If these tensors are in no file, build them with the seed of the '
            'run (randomness.seed in the config); the log of the run has it.'
        )
    return (
        'If these tensors are in no file, build them with seed '
        f'{delta.info.seed} (randomness.seed in the config), or load the '
        'base.pth that the run wrote beside the delta (load_from).'
    )


def tensors_of(source: Source, delta: Delta) -> dict[str, Tensor]:
    """Find the tensors that a delta changes; check their shapes and dtypes.

    A model must also have the tensors that the delta does not change. A state
    dict may lack them, such as the state dict of only an encoder.

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
            f'({name}). Apply the delta first, then convert the model.'
        )
    check_has_values(name, tensor)


def _classes_hint(delta: Delta) -> str:
    classes = delta.info.classes
    if not classes:
        return 'Build the model from the config of the delta.'
    return (
        f'If this is a head: the delta has {len(classes)} classes '
        f'({", ".join(classes)}); build the model with '
        f'num_classes={len(classes)}.'
    )
