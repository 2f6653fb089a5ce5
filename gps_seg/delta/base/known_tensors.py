# Copyright (c) gps_seg contributors. Apache-2.0.
"""Digests of a model's tensors, computed again only if a tensor has changed.

Hashing all weights takes ten times as long as switching deltas. PyTorch counts
in-place changes of a tensor, but not those through ``.data`` (as in some
hooks) or through NumPy. So a sample of the entries is compared each time; of
small tensors, such as those of norms, all entries are compared.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from gps_seg.delta.change import as_integers, tensor_digest
from gps_seg.delta.fingerprint import short
from gps_seg.delta.sketch import Sketch, sketch_of

#: Largest number of entries of a tensor that is compared whole each time.
_SMALL = 4096
#: Sampled entries of a larger tensor; each is in another page of memory.
_SAMPLED = 64


@dataclass(frozen=True)
class _Known:
    state: tuple[Any, ...]
    sample: Tensor
    digest: str

    def is_of(self, tensor: Tensor) -> bool:
        """Whether the tensor is as it was, as far as can be seen quickly."""
        return self.state == _state(tensor) and torch.equal(
            self.sample, _sample(tensor)
        )


class KnownTensors:
    """Short digests of the tensors of one model, remembered by name."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}
        self._sketches: dict[str, Sketch | None] = {}  # by digest

    def digest(self, name: str, tensor: Tensor) -> str:
        """The short digest of a whole tensor."""
        if tensor.is_inference():  # PyTorch does not count its changes
            return short(tensor_digest(tensor))
        known = self._known.get(name)
        if known is None or not known.is_of(tensor):
            digest = short(tensor_digest(tensor))
            known = _Known(_state(tensor), _sample(tensor).clone(), digest)
            self._known[name] = known
        return known.digest

    def sketch(self, name: str, tensor: Tensor) -> Sketch | None:
        """The sketch of a whole tensor, if it has one."""
        known = self.digest(name, tensor)
        if known not in self._sketches:
            self._sketches[known] = sketch_of(tensor)
        return self._sketches[known]


class Held:
    """Digests that tensors had before they were written, and will have again.

    Args:
        known: Digests of the tensors of the model.
    """

    def __init__(self, known: KnownTensors) -> None:
        self._table = known._known
        self._known: dict[str, _Known] = {}
        self._written: dict[str, tuple[Any, ...]] = {}

    def hold(self, tensors: Mapping[str, Tensor]) -> None:
        """Remember the digests of tensors before they are written."""
        for name, tensor in tensors.items():
            known = self._table.get(name)
            if known is not None and known.state == _state(tensor):
                self._known[name] = known

    def written(self, tensors: Mapping[str, Tensor]) -> None:
        """Remember the state of tensors after they have been written."""
        for name in self._known.keys() & tensors.keys():
            self._written[name] = _state(tensors[name])

    def drop_changed(self, tensors: Mapping[str, Tensor]) -> None:
        """Forget tensors that others have written since."""
        for name, tensor in tensors.items():
            if self._written.get(name) != _state(tensor):
                self._known.pop(name, None)

    def restored(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore the digests of tensors that are as they were before."""
        for name in self._known.keys() & tensors.keys():
            state = _state(tensors[name])
            self._table[name] = replace(self._known[name], state=state)


def _state(tensor: Tensor) -> tuple[Any, ...]:
    """A value that stays equal until an operation of PyTorch changes it."""
    layout = (tensor.dtype, tensor.shape, tensor.stride())
    version = None if tensor.is_inference() else tensor._version
    return (tensor.device, tensor.data_ptr(), version, *layout)


def _sample(tensor: Tensor) -> Tensor:  # shape: (num_sampled,)
    """The bits of some entries, usually in the memory of the tensor."""
    bits = as_integers(tensor)
    step = 1 if len(bits) <= _SMALL else len(bits) // _SAMPLED
    return bits[::step]
