# Copyright (c) gps_seg contributors. Apache-2.0.
"""Compare a model with what a delta knows of its whole base."""

import warnings
from typing import NamedTuple

from torch import Tensor

from gps_seg.delta.base.known_tensors import KnownTensors
from gps_seg.delta.base.sources import Source, find_tensors
from gps_seg.delta.delta import Delta
from gps_seg.delta.sketch import agree


class Rest(NamedTuple):
    """Tensors that are not, bit for bit, those that a delta knows whole.

    Args:
        strangers: Names of those that belong to another base.
        rounded: Names of those that were rounded in another way.
    """

    strangers: frozenset[str]
    rounded: frozenset[str]


def compare_rest(source: Source, delta: Delta, known: KnownTensors) -> Rest:
    """Compare what is there with the fingerprint of the base.

    Args:
        source: Model or state dict.
        delta: Without a fingerprint nothing is compared.
        known: Of the tensors of the source.

    Raises:
        ValueError: If a tensor is on the device ``meta``, without values.
    """
    digests = delta.fingerprint or {}
    tensors = _known_whole(source, delta)
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
    """Say which tensors are those of the base only up to rounding."""
    names = sorted(rest.rounded)
    if names:
        warnings.warn(
            f'base: {len(names)} of {num_known(delta)} tensors differ from '
            'those that the delta was made from, but by no more than rounding '
            f'({names[0]}, ...). Another kind of processor gives such bits to '
            'a tensor that is computed when the model is built, such as a '
            'position embedding that is resized. The model computes the same '
            'up to rounding.',
            stacklevel=3,
        )


def _known_whole(source: Source, delta: Delta) -> dict[str, Tensor]:
    """The tensors that a delta knows whole, as far as there are any.

    Raises:
        ValueError: If one is on the device ``meta``, without values.
    """
    tensors = find_tensors(source, delta.fingerprint or ())
    for name, tensor in tensors.items():
        check_has_values(name, tensor)
    return tensors


def num_known(delta: Delta) -> int:
    """Of how many tensors a delta knows the base, or changes them."""
    return len(delta.changes.keys() | (delta.fingerprint or {}).keys())


def check_has_values(name: str, tensor: Tensor) -> None:
    """Raise ValueError for a tensor on the device ``meta``."""
    if tensor.is_meta:
        raise ValueError(
            f'base: expected weights, got a tensor on the device meta, which '
            f'has none ({name}). Load the weights of the base first.'
        )
