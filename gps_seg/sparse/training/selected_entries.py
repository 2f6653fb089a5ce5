# Copyright (c) gps_seg contributors. Apache-2.0.
"""Train only the selected entries of a weight.

The trainable parameter is a 1-D tensor of the selected values. Optimizer,
clipping, accumulation and gradient scaling see only that tensor, never the
dense weight. So an entry that was not selected cannot change: weight decay,
old momentum and rounding do not reach it. The values are written into the
dense weight after each step, so the forward pass, the state-dict keys and the
cost of inference are those of the plain model.
"""

import weakref
from collections.abc import Callable

import torch
from torch import Tensor, nn

from gps_seg.sparse.training.entries import read_entries, write_entries
from gps_seg.sparse.training.unit_steps import Coordinates, UnitSteps


class SelectedEntries:
    """The selected entries of one weight, as a trainable 1-D parameter.

    A weight has one owner: a new object for the same weight releases the
    earlier one. If other code writes into the weight, such as by loading a
    checkpoint, the values follow the weight. Such a write is detected by
    PyTorch's version counter. A write through ``weight.data`` is not counted
    and requires a call of :meth:`read`.

    Attributes:
        values: Trainable values, shape ``(num_selected,)``, on the device of
            the weight: its entries, or their coordinates. They have the dtype
            of the weight, or float32 for a weight in half precision, where
            small steps would be rounded away.
        coordinates: Coordinates in which the entries train; None for the
            entries themselves.

    Args:
        weight: Dense weight of any shape; it keeps its identity and storage,
            and loses its gradient.
        indices: Flat indices into it, shape ``(num_selected,)``, int64.
        steps: Coordinates in which the entries train; None for the entries
            themselves.
        bias: Bias that ``steps`` changes, too; None for none.

    Example:
        >>> weight = nn.Parameter(torch.zeros(2, 3))
        >>> entries = SelectedEntries(weight, torch.tensor([1, 3]))
        >>> (weight * torch.arange(6.0).view(2, 3)).sum().backward()
        >>> entries.values.grad
        tensor([1., 3.])
        >>> torch.optim.SGD([entries.values], lr=1.0).step()
        >>> entries.write()
        >>> weight.data
        tensor([[ 0., -1.,  0.],
                [-3.,  0.,  0.]])
    """

    def __init__(
        self,
        weight: nn.Parameter,
        indices: Tensor,
        steps: UnitSteps | None = None,
        bias: nn.Parameter | None = None,
    ) -> None:
        release_owner(weight)
        _OWNERS[id(weight)] = self
        self.weight = weight
        self.indices = indices.to(weight.device)
        dtype = torch.promote_types(weight.dtype, torch.float32)
        found = read_entries(weight, self.indices).to(dtype)
        self.coordinates: Coordinates | None = None
        if steps is not None:
            rows = self.indices.div(weight[0].numel(), rounding_mode='floor')
            self.coordinates = Coordinates(steps, weight, rows, bias, dtype)
            found = self.coordinates.values(found)
        self.values = nn.Parameter(found)
        self._mark()
        weight.grad = None
        this = weakref.ref(self)
        self._handles = [
            weight.register_post_accumulate_grad_hook(_gathering_for(this))
        ]
        if self.coordinates is not None:
            self._handles.append(
                self.values.register_hook(self.coordinates.gradient)
            )
            if bias is not None:
                self._handles.append(bias.register_hook(_centering_for(this)))

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
        """Take the entries' gradients from the weight's gradient and free it.

        Raises:
            RuntimeError: See :meth:`reconcile`.
        """
        if self.weight.grad is None:  # compiled code called the hook
            return
        self.reconcile()
        gradient = read_entries(self.weight.grad, self.indices)
        gradient = gradient.to(self.values.dtype)
        if self.coordinates is not None:
            gradient = self.coordinates.gradient(gradient)
        self.weight.grad = None
        self._add_gradient(gradient)

    def _add_gradient(self, gradient: Tensor) -> None:
        if self.values.grad is None:
            self.values.grad = gradient
        else:
            self.values.grad += gradient

    def write(self) -> None:
        """Write the values into the dense weight (after an optimizer step).

        If other code has written into the weight since the last call, the
        values follow the weight instead.

        Raises:
            RuntimeError: If the entries were released.
        """
        self._check_held()
        if self.weight._version != self._weight_version:
            self.read()
            return
        entries = self._entries()
        if self.coordinates is not None:
            before = read_entries(self.weight, self.indices).to(entries)
            after = entries.to(self.weight.dtype).to(entries)
            self.coordinates.compensate(after - before)
        write_entries(self.weight, self.indices, entries)
        self._mark()

    @torch.no_grad()
    def read(self) -> None:
        """Read the values from the dense weight (after it was loaded).

        If what a value stands for, rounded to the dtype of the weight, is
        already equal to the weight, it keeps its extra bits.
        """
        found = read_entries(self.weight, self.indices)
        if not self.are_in_weight:
            same = self._entries().to(found.dtype) == found
            found = found.to(self.values.dtype)
            if self.coordinates is not None:
                found = self.coordinates.values(found)
            found = torch.where(same, self.values, found)
        self.values.copy_(found)
        self._mark()

    @property
    def are_in_weight(self) -> bool:
        """Whether the weight has all bits of the values."""
        is_as_wide = self.values.dtype == self.weight.dtype
        return is_as_wide and self.coordinates is None

    def _entries(self) -> Tensor:
        """The entries of the weight at the values."""
        values = self.values.detach()
        if self.coordinates is None:
            return values
        return self.coordinates.entries(values)

    @torch.no_grad()
    def load(self, values: Tensor) -> None:
        """Set the values, and write them into the dense weight.

        A bias is not changed: it is loaded with the model.

        Args:
            values: New values, shape ``(num_selected,)``.

        Raises:
            RuntimeError: If the entries were released.
        """
        self._check_held()
        self.values.copy_(values)
        write_entries(self.weight, self.indices, self._entries())
        self._mark()

    def reconcile(self) -> None:
        """Follow the weight if other code has written into it.

        Raises:
            RuntimeError: If the entries were released, or their values were
                changed but not written.
        """
        self._check_held()
        if self.weight._version != self._weight_version:
            self.read()
        elif self.values._version != self._values_version:
            raise RuntimeError(
                'values: expected them in the model, got a step of the '
                'optimizer that was not written into the weight of shape '
                f'{tuple(self.weight.shape)}. Call Trainable.attach(optimizer)'
                ' once, or Trainable.write() after each step.'
            )

    def release(self) -> None:
        """Stop gathering: the weight is a plain parameter again."""
        for handle in self._handles:
            handle.remove()
        if not self.is_released:
            del _OWNERS[id(self.weight)]

    def _check_held(self) -> None:
        if self.is_released:
            raise RuntimeError(
                'values: expected to own the weight of shape '
                f'{tuple(self.weight.shape)}, got entries that were released, '
                'by release() or because the model was tuned again. Use the '
                'last result of tune.'
            )

    def _mark(self) -> None:
        """Record that weight and values are now equal."""
        self._weight_version = self.weight._version
        self._values_version = self.values._version


#: The entries that own a weight, by the id of the weight, which they keep
#: alive.
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
    """The hook of a weight; a strong reference would keep it alive."""

    def gather(_: Tensor) -> None:
        owner = entries()
        if owner is not None:
            owner.gather()

    return gather


def _centering_for(
    entries: weakref.ReferenceType[SelectedEntries],
) -> Callable[[Tensor], None]:
    """The hook of a bias, which takes over the mean of the inputs."""

    def center(gradient: Tensor) -> None:
        owner = entries()
        if owner is not None and owner.coordinates is not None:
            owner._add_gradient(owner.coordinates.gradient_by_bias(gradient))

    return center
