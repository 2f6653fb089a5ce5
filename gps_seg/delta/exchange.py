# Copyright (c) gps_seg contributors. Apache-2.0.
"""Write the values of a delta into a model's tensors, and restore the base.

The values that a delta replaces are stored, not computed, because in floating
point ``(base + delta) - delta`` is not ``base``.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from gps_seg.delta.base.known_tensors import Held, KnownTensors
from gps_seg.delta.change import bits_of, digest
from gps_seg.delta.delta import Delta
from gps_seg.delta.merging import resolve
from gps_seg.delta.shared_memory import (
    check_agreement,
    is_expanded,
    sharing_memory,
)


class OtherBitsError(Exception):
    """The tensor of this name does not have the expected values."""


#: Largest number of entries of a tensor replaced whole that is remembered.
_REMEMBERED = 65_536


class Proven(NamedTuple):
    """Bits of one tensor at the entries of a delta, as integers.

    Args:
        base: Bits of the base, which have the digest in the delta.
        tuned: Bits that the delta writes.
    """

    base: Tensor
    tuned: Tensor


class Exchange:
    """Bits at the entries of a delta, before and after, by tensor.

    Args:
        delta: Delta to apply.
        known: Digests of the tensors of the model.
        proven: What former exchanges of this delta have found out, by name;
            what this one finds is added. Entries that are known are compared,
            which takes half the time of hashing them.
    """

    def __init__(
        self, delta: Delta, known: KnownTensors, proven: dict[str, Proven]
    ) -> None:
        self.delta = delta
        self._known = known
        self._proven = proven
        self._held = Held({})
        self._base: dict[str, Tensor] = {}
        self._tuned: dict[str, Tensor] = {}

    def put_on(self, tensors: Mapping[str, Tensor]) -> None:
        """Write the values of the delta; an error leaves all unchanged.

        Args:
            tensors: Tensors that the delta changes, by name.

        Raises:
            OtherBitsError: If a tensor differs from the base.
            ValueError: If a tensor cannot be written, or two of them share
                memory and would get different values.
        """
        for name, tensor in tensors.items():
            _check_can_be_written(name, tensor)
        self._held = self._known.before(tensors)
        bits = _bits(tensors)
        try:
            # Each group is written directly after it was read, while its
            # scattered entries are still in the cache.
            for names in sharing_memory(bits):
                for name in names:
                    self._read(name, bits[name])
                self._write(bits, self._tuned, names)
                check_agreement(names, self.delta.changes, bits, self._tuned)
        except BaseException:
            self._write(bits, self._base, self._base)
            self._known.restored(self._held, tensors, self._base)
            raise
        self._held.written(tensors)

    def take_off(self, tensors: Mapping[str, Tensor]) -> None:
        """Write the values of the base; an error leaves all unchanged.

        Raises:
            OtherBitsError: If a tensor is missing, or no longer has the
                values that were written.
        """
        checked: list[str] = []
        intact: list[str] = []
        self._check_types(tensors)
        bits = _bits(tensors)
        try:
            for names in sharing_memory(bits):
                for name in names:
                    self._check(name, bits[name])
                    if self._held.is_intact(name, tensors[name]):
                        intact.append(name)
                checked += names
                self._write(bits, self._base, names)
        except BaseException:
            self._write(bits, self._tuned, checked)
            raise
        self._known.restored(self._held, tensors, intact)

    def put_back(self, tensors: Mapping[str, Tensor]) -> None:
        """Undo :meth:`take_off`."""
        self._write(_bits(tensors), self._tuned, self._tuned)
        self._held.written(tensors)

    def _read(self, name: str, bits: Tensor) -> None:
        """Store the bits of the base and the new ones."""
        base = self.delta.changes[name].read(bits)
        known = self._proven.get(name)
        if known is None or known.base.device != base.device:
            known = self._prove(name, base)
        elif not torch.equal(base, known.base):
            raise OtherBitsError(name)
        self._base[name], self._tuned[name] = known

    def _prove(self, name: str, base: Tensor) -> Proven:
        """Compare the base with its digest, and compute the new bits."""
        change = self.delta.changes[name]
        values = base.view(change.dtype)
        if change.base not in (None, digest(values, change.shape)):
            raise OtherBitsError(name)
        proven = Proven(base, bits_of(resolve(name, change, values)))
        is_short = change.indices is not None or len(base) <= _REMEMBERED
        if change.base is not None and is_short:
            self._proven[name] = proven
        return proven

    def _check_types(self, tensors: Mapping[str, Tensor]) -> None:
        """Raise OtherBitsError unless all tensors are still there."""
        for name, change in self.delta.changes.items():
            tensor = tensors.get(name)
            expected = (change.shape, change.dtype)
            if tensor is None or (tensor.shape, tensor.dtype) != expected:
                raise OtherBitsError(name)

    def _check(self, name: str, bits: Tensor) -> None:
        """Raise OtherBitsError unless the model has the new values."""
        present = self.delta.changes[name].read(bits)
        if not torch.equal(present, self._tuned[name].to(present.device)):
            raise OtherBitsError(name)

    def _write(
        self,
        bits: Mapping[str, Tensor],
        values: Mapping[str, Tensor],
        names: Iterable[str],
    ) -> None:
        for name in names:
            self.delta.changes[name].write(bits[name], values[name])


def _bits(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: bits_of(tensor) for name, tensor in tensors.items()}


def _check_can_be_written(name: str, tensor: Tensor) -> None:
    if is_expanded(tensor):
        problem = 'one whose entries share memory (made by expand)'
    elif tensor.is_inference():
        problem = 'one that was made in inference mode'
    else:
        return
    raise ValueError(
        f'base: expected a tensor that can be written, got {problem} '
        f'({name}). Put a clone of it into the model.'
    )
