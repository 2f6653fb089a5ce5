# Copyright (c) gps_seg contributors. Apache-2.0.
"""Train the selected entries and nothing else.

The trainable parameter is a 1-D tensor of the selected values. Optimizer,
clipping, accumulation and gradient scaling see that tensor and never the
dense weight, so an entry that was not selected cannot move: no weight decay,
no stale momentum, no rounding ever touches it. The dense weight stays where
it is and takes the values after each step, so the forward pass, the
state-dict keys and the cost of inference are those of the plain model.
"""

import weakref
from collections.abc import Callable

import torch
from torch import Tensor, nn

from gps_seg.sparse.training.entries import read_entries, write_entries


class SelectedEntries:
    """The selected entries of one weight, as a trainable 1-D parameter.

    A weight has one owner: entries that are made of it release those that
    were made of it before. What others write into the weight, such as the
    loading of a checkpoint, wins over the values. It is noticed by the
    version that PyTorch counts; writes through ``weight.data`` do not count,
    and need a :meth:`read`.

    Attributes:
        values: Trainable values, shape ``(num_selected,)``, on the device of
            the weight; float32 for a weight in half precision, where steps
            would be lost to rounding, else in the dtype of the weight.

    Args:
        weight: Dense weight, any shape; keeps its identity and its storage.
            A gradient that it holds is dropped.
        indices: Flat indices into it, shape ``(num_selected,)``, int64.
    """

    def __init__(self, weight: nn.Parameter, indices: Tensor) -> None:
        release_owner(weight)
        _OWNERS[id(weight)] = self
        self.weight = weight
        self.indices = indices.to(weight.device)
        dtype = torch.promote_types(weight.dtype, torch.float32)
        self.values = nn.Parameter(
            read_entries(weight, self.indices).to(dtype)
        )
        self._mark()
        weight.grad = None
        self._handle = weight.register_post_accumulate_grad_hook(
            _gathering_for(weakref.ref(self))
        )

    def __repr__(self) -> str:
        released = ', released' if self.is_released else ''
        return (
            f'SelectedEntries({len(self.indices):,} of a weight of shape '
            f'{tuple(self.weight.shape)}{released})'
        )

    @property
    def is_released(self) -> bool:
        """Whether the weight is no longer trained through these values."""
        return _OWNERS.get(id(self.weight)) is not self

    def gather(self) -> None:
        """Take the gradients out of that of the weight, and free that one.

        Raises:
            RuntimeError: As :meth:`reconcile`.
        """
        assert self.weight.grad is not None  # autograd has just put it there
        self.reconcile()
        gradient = read_entries(self.weight.grad, self.indices)
        gradient = gradient.to(self.values.dtype)
        self.weight.grad = None
        if self.values.grad is None:
            self.values.grad = gradient
        else:
            self.values.grad += gradient

    def write(self) -> None:
        """Put the values into the dense weight (after an optimizer step).

        If others wrote into the weight since the last time, the values follow
        the weight instead.

        Raises:
            RuntimeError: If the entries were released.
        """
        self._check_held()
        if self.weight._version != self._weight_version:
            self.read()
            return
        write_entries(self.weight, self.indices, self.values)
        self._mark()

    @torch.no_grad()
    def read(self) -> None:
        """Take the values from the dense weight (after it was loaded).

        Values that the weight holds already, rounded to its dtype, keep the
        bits that it has no room for.
        """
        found = read_entries(self.weight, self.indices)
        if found.dtype != self.values.dtype:
            same = self.values.to(found.dtype) == found
            found = torch.where(same, self.values, found.to(self.values.dtype))
        self.values.copy_(found)
        self._mark()

    @torch.no_grad()
    def load(self, values: Tensor) -> None:
        """Take values from elsewhere, and put them into the dense weight.

        Args:
            values: Shape ``(num_selected,)``.

        Raises:
            RuntimeError: If the entries were released.
        """
        self._check_held()
        self.values.copy_(values)
        write_entries(self.weight, self.indices, self.values)
        self._mark()

    def reconcile(self) -> None:
        """Follow the weight if others wrote into it since the last time.

        Raises:
            RuntimeError: If the entries were released, or their values were
                changed and not written.
        """
        self._check_held()
        if self.weight._version != self._weight_version:
            self.read()
        elif self.values._version != self._values_version:
            raise RuntimeError(
                'values: expected the model to have them, got a step of the '
                'optimizer that was not written into the weight of shape '
                f'{tuple(self.weight.shape)}. Call Trainable.attach(optimizer)'
                ' once, or Trainable.write() after each step.'
            )

    def release(self) -> None:
        """Stop gathering: the weight is a plain parameter again."""
        self._handle.remove()
        if not self.is_released:
            del _OWNERS[id(self.weight)]

    def _check_held(self) -> None:
        if self.is_released:
            raise RuntimeError(
                'values: expected to own the weight of shape '
                f'{tuple(self.weight.shape)}, got entries that were released, '
                'by release() or because the model was tuned again. Go on '
                'with the last result of tune.'
            )

    def _mark(self) -> None:
        """Remember that weight and values agree at this moment."""
        self._weight_version = self.weight._version
        self._values_version = self.values._version


#: The entries that own a weight, by its id; they keep the weight alive.
_OWNERS: weakref.WeakValueDictionary[int, SelectedEntries] = (
    weakref.WeakValueDictionary()
)


def release_owner(weight: Tensor) -> None:
    """Release the entries that own a weight, if there are any."""
    owner = _OWNERS.get(id(weight))
    if owner is not None:
        owner.release()


def _gathering_for(
    entries: weakref.ReferenceType[SelectedEntries],
) -> Callable[[Tensor], None]:
    """The hook of a weight; a strong reference would never let it go."""

    def gather(_: Tensor) -> None:
        owner = entries()
        if owner is not None:
            owner.gather()

    return gather
