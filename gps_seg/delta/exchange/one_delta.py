# Copyright (c) gps_seg contributors. Apache-2.0.
"""The bits at the entries of one delta, in the base and in the tuned model.

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
from gps_seg.delta.shared_memory import check_agreement, is_expanded

#: Largest number of entries of a tensor replaced whole that is remembered.
_REMEMBERED = 65_536


class OtherBitsError(Exception):
    """The tensor of this name does not have the expected values."""


class Proven(NamedTuple):
    """Bits of one tensor at the entries of a delta, as integers.

    Args:
        base: Bits of the base, which have the digest in the delta.
        tuned: Bits that the delta writes.
    """

    base: Tensor
    tuned: Tensor


class TensorsInMemory:
    """Tensors of a model, and their bits as integers in the same memory.

    Args:
        tensors: Tensors of a model, by name.
    """

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self.tensors = tensors
        self.bits = {name: bits_of(t) for name, t in tensors.items()}

    def part(self, names: Iterable[str]) -> dict[str, Tensor]:
        """The tensors of these names."""
        return {name: self.tensors[name] for name in names}


class Exchange:
    """Bits at the entries of a delta, before and after, by tensor.

    The methods act on tensors that share memory, or on a single one; see
    :func:`~gps_seg.delta.exchange.one_pass.write`.

    Args:
        delta: Delta to apply.
        known: Digests of the tensors of the model.
        proven: Bits that earlier exchanges of this delta have proven, by
            name; those of this one are added. Comparing with them takes half
            the time of hashing.
    """

    def __init__(
        self, delta: Delta, known: KnownTensors, proven: dict[str, Proven]
    ) -> None:
        self.delta = delta
        self._proven = proven
        self._held = Held(known)
        self._base: dict[str, Tensor] = {}
        self._tuned: dict[str, Tensor] = {}
        self._restored: list[str] = []

    def check_present(self, tensors: Mapping[str, Tensor]) -> None:
        """Raise OtherBitsError unless all tensors are still there."""
        for name, change in self.delta.changes.items():
            tensor = tensors.get(name)
            expected = (change.shape, change.dtype)
            if tensor is None or (tensor.shape, tensor.dtype) != expected:
                raise OtherBitsError(name)

    def check_writable(self, tensors: Mapping[str, Tensor]) -> None:
        """Raise ValueError if a tensor cannot be written."""
        for name in self.delta.changes:
            _check_writable(name, tensors[name])

    def put_on(self, names: Iterable[str], memory: TensorsInMemory) -> None:
        """Compare with the base, and write the values of the delta.

        Raises:
            OtherBitsError: If a tensor differs from the base.
            ValueError: If tensors would get different values in one place.
        """
        own = self._own(names)
        self._held.hold(memory.part(own))
        for name in own:
            self._read(name, memory.bits[name])
        self._write(memory, self._tuned, own)
        check_agreement(own, self.delta.changes, memory.bits, self._tuned)

    def cancel_put_on(self, memory: TensorsInMemory) -> None:
        """Undo all that :meth:`put_on` has done."""
        self._write(memory, self._base, self._base)
        self._held.restored(memory.part(self._base))

    def complete(self, memory: TensorsInMemory) -> None:
        """Remember the state of all tensors with the delta."""
        self._held.written(memory.tensors)

    def take_off(self, names: Iterable[str], memory: TensorsInMemory) -> None:
        """Compare with what was written, and write the values of the base.

        Raises:
            OtherBitsError: If a tensor no longer has the values of the delta.
        """
        own = self._own(names)
        for name in own:
            self._check(name, memory.bits[name])
        self._held.drop_changed(memory.part(own))
        self._restored += own
        self._write(memory, self._base, own)
        self._held.restored(memory.part(own))

    def cancel_take_off(self, memory: TensorsInMemory) -> None:
        """Undo all that :meth:`take_off` has done."""
        self._write(memory, self._tuned, self._restored)
        self._held.written(memory.part(self._restored))
        self._restored.clear()

    def _own(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if name in self.delta.changes]

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

    def _check(self, name: str, bits: Tensor) -> None:
        """Raise OtherBitsError unless the model has the new values."""
        present = self.delta.changes[name].read(bits)
        if not torch.equal(present, self._tuned[name].to(present.device)):
            raise OtherBitsError(name)

    def _write(
        self,
        memory: TensorsInMemory,
        values: Mapping[str, Tensor],
        names: Iterable[str],
    ) -> None:
        for name in names:
            self.delta.changes[name].write(memory.bits[name], values[name])


def _check_writable(name: str, tensor: Tensor) -> None:
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
