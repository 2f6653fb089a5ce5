# Copyright (c) gps_seg contributors. Apache-2.0.
"""Compare a model with the fingerprint of the whole base."""

import warnings
from collections.abc import Iterable, Set
from typing import NamedTuple

from torch import Tensor

from gps_seg.delta.base.known_tensors import KnownTensors
from gps_seg.delta.base.sources import Source, find_tensors
from gps_seg.delta.delta import Delta
from gps_seg.delta.sketch import agree


class Rest(NamedTuple):
    """Tensors that are not equal to those of the base, bit for bit.

    Args:
        strangers: Names of the tensors that belong to another base.
        rounded: Names of the tensors that differ only by rounding.
    """

    strangers: frozenset[str]
    rounded: frozenset[str]


def compare_rest(
    source: Source,
    delta: Delta,
    known: KnownTensors,
    skip: Set[str] = frozenset(),
) -> Rest:
    """Compare the tensors of a source with the fingerprint of the base.

    Args:
        source: Model or state dict; absent tensors are not compared.
        delta: Delta with the fingerprint; without one nothing is compared.
        known: Digests of the tensors of the source.
        skip: Names of tensors that are not compared.

    Raises:
        ValueError: If a tensor is on the device ``meta`` and has no values.
    """
    digests = delta.fingerprint or {}
    tensors = _tensors(source, digests.keys() - skip)
    others = {
        name
        for name, tensor in tensors.items()
        if known.digest(name, tensor) != digests[name]
    }
    rounded = {
        name
        for name in others & delta.sketches.keys()
        if agree(
            known.sketch(name, tensors[name]),
            delta.sketches[name],
            tensors[name].dtype,
        )
    }
    return Rest(frozenset(others - rounded), frozenset(rounded))


def warn_of_rounding(delta: Delta, rest: Rest) -> None:
    """Warn about tensors that differ from the base by rounding."""
    names = sorted(rest.rounded)
    if names:
        warnings.warn(
            f'base: {len(names)} of {num_known(delta)} tensors differ from '
            f'those of the delta only by rounding ({names[0]}, ...). This '
            'happens on another kind of processor to tensors that are '
            'computed when the model is built, such as a resized position '
            'embedding. The outputs of the model are the same up to rounding.',
            stacklevel=3,
        )


def _tensors(source: Source, names: Iterable[str]) -> dict[str, Tensor]:
    """The tensors of these names that the source has.

    Raises:
        ValueError: If one is on the device ``meta`` and has no values.
    """
    tensors = find_tensors(source, names)
    for name, tensor in tensors.items():
        check_has_values(name, tensor)
    return tensors


def num_known(delta: Delta) -> int:
    """Number of tensors that a delta changes or has a digest of."""
    return len(delta.changes.keys() | (delta.fingerprint or {}).keys())


def check_has_values(name: str, tensor: Tensor) -> None:
    """Raise ValueError for a tensor on the device ``meta``."""
    if tensor.is_meta:
        raise ValueError(
            'base: expected weights, got a tensor without values on the '
            f'device meta ({name}). Load the weights of the base first.'
        )
