# Copyright (c) gps_seg contributors. Apache-2.0.
"""The fingerprint of the whole base: a short digest of each tensor.

A task depends on the whole model in which it was trained, including the
tensors that it does not change.
"""

from collections.abc import Collection, Mapping, Sequence

from torch import Tensor

from gps_seg.delta.change import Change, tensor_digest
from gps_seg.delta.sketch import SKETCH_NUMBERS, Sketch, is_sketch, sketch_of

#: Bytes of a short digest: enough against mistakes, not against forgery.
SHORT_BYTES = 8


def short(digest: str) -> str:
    """The first bytes of a digest, in hexadecimal."""
    return digest[: 2 * SHORT_BYTES]


def fingerprint_of(tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """Short digests of whole tensors, by name."""
    return {name: short(tensor_digest(t)) for name, t in tensors.items()}


def sketches_of(tensors: Mapping[str, Tensor]) -> dict[str, Sketch]:
    """Sketches of whole tensors, by name; tensors without one are left out."""
    sketches = {name: sketch_of(tensor) for name, tensor in tensors.items()}
    return {n: sketch for n, sketch in sketches.items() if sketch is not None}


def rest_of(
    fingerprint: Mapping[str, str], changes: Mapping[str, Change]
) -> dict[str, str]:
    """The part of a fingerprint that the changes do not contain.

    A tensor that is replaced whole has its digest in the change, or no base.

    Raises:
        ValueError: If a tensor that changes in part has no digest, or a
            digest is malformed.
    """
    parts = {n for n, c in changes.items() if c.indices is not None}
    missing = sorted(parts - fingerprint.keys())
    if missing:
        raise ValueError(
            'fingerprint: expected a digest of each tensor that changes in '
            f'part, got none for {missing}. Use the digests of the whole base.'
        )
    rest = {
        name: fingerprint[name]
        for name in sorted(fingerprint)
        if name in parts or name not in changes
    }
    for name, digest in rest.items():
        if len(digest) != 2 * SHORT_BYTES or not is_hexadecimal(digest):
            raise ValueError(
                f'fingerprint: expected {2 * SHORT_BYTES} lower-case '
                f'hexadecimal digits, got {digest!r} ({name}).'
            )
    return rest


def sketches_of_rest(
    sketches: Mapping[str, Sequence[float]], untouched: Collection[str]
) -> dict[str, Sketch]:
    """The sketches of the tensors that a delta does not change.

    Raises:
        ValueError: If a sketch is malformed.
    """
    rest = {n: tuple(sketches[n]) for n in sorted(sketches) if n in untouched}
    for name, sketch in rest.items():
        if len(sketch) != SKETCH_NUMBERS or not is_sketch(sketch):
            raise ValueError(
                f'sketches: expected {SKETCH_NUMBERS} finite numbers, the '
                f'first above 0, got {sketch} ({name}).'
            )
    return rest


def is_hexadecimal(text: str) -> bool:
    """Whether a text has only lower-case hexadecimal digits."""
    return not set(text) - set('0123456789abcdef')
