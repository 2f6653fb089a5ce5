# Copyright (c) gps_seg contributors. Apache-2.0.
"""Write the values of a delta into a model's tensors, and restore the base.

The values that a delta replaces are stored, not computed, because in floating
point ``(base + delta) - delta`` is not ``base``.
"""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from gps_seg.delta.base.known_tensors import Held, KnownTensors
from gps_seg.delta.change import digest, same_bits
from gps_seg.delta.delta import Delta
from gps_seg.delta.merging import resolve
from gps_seg.delta.shared_memory import (
    check_agreement,
    is_expanded,
    sharing_memory,
)


class OtherBitsError(Exception):
    """The tensor of this name does not have the expected values."""


class Exchange:
    """Values at the entries of a delta, before and after, by tensor.

    Args:
        delta: Delta to apply.
        known: Digests of the tensors of the model.
    """

    def __init__(self, delta: Delta, known: KnownTensors) -> None:
        self.delta = delta
        self._known = known
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
        try:
            # Each group is written directly after it was read, while its
            # scattered entries are still in the cache.
            for names in sharing_memory(tensors):
                for name in names:
                    self._read(name, tensors[name])
                self._write(tensors, self._tuned, names)
                check_agreement(
                    names, self.delta.changes, tensors, self._tuned
                )
        except BaseException:
            self._write(tensors, self._base, self._base)
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
        try:
            self._check_names(tensors)
            for names in sharing_memory(tensors):
                for name in names:
                    self._check(name, tensors[name])
                    if self._held.is_intact(name, tensors[name]):
                        intact.append(name)
                checked += names
                self._write(tensors, self._base, names)
        except BaseException:
            self._write(tensors, self._tuned, checked)
            raise
        self._known.restored(self._held, tensors, intact)

    def put_back(self, tensors: Mapping[str, Tensor]) -> None:
        """Undo :meth:`take_off`."""
        self._write(tensors, self._tuned, self._tuned)
        self._held.written(tensors)

    def _read(self, name: str, tensor: Tensor) -> None:
        """Store the values of the base, and compute the new ones."""
        change = self.delta.changes[name]
        base = change.read(tensor)
        if change.base not in (None, digest(base, change.shape)):
            raise OtherBitsError(name)
        start = torch.zeros_like(base) if change.base is None else base
        self._tuned[name] = resolve(name, change, start)
        self._base[name] = base

    def _check_names(self, tensors: Mapping[str, Tensor]) -> None:
        """Raise OtherBitsError unless all tensors are still there."""
        for name, change in self.delta.changes.items():
            if name not in tensors or tensors[name].shape != change.shape:
                raise OtherBitsError(name)

    def _check(self, name: str, tensor: Tensor) -> None:
        """Raise OtherBitsError unless the model has the new values."""
        values = self.delta.changes[name].read(tensor)
        if not same_bits(values, self._tuned[name]):
            raise OtherBitsError(name)

    def _write(
        self,
        tensors: Mapping[str, Tensor],
        values: Mapping[str, Tensor],
        names: Iterable[str],
    ) -> None:
        for name in names:
            self.delta.changes[name].write(tensors[name], values[name])


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
