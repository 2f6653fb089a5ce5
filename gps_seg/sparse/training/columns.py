# Copyright (c) gps_seg contributors. Apache-2.0.
"""Gradients of the selected entries of linear maps, without the dense ones.

For ``y = x W^T + b`` with ``x`` of shape (tokens, in) and ``D = dL/dy`` of
shape (tokens, out) the gradient is ``dL/dW = D^T x``. Only the selected
entries ``(row, column)`` are needed. Let ``C`` be their distinct columns. Then
``D^T x[:, C]`` contains all of these entries exactly, at ``|C| / in`` of the
cost of the product, and only ``x[:, C]`` is kept for the backward pass. ``C``
is small because the neurons of a layer agree on which inputs matter.

Inside :meth:`ColumnGradients.active` every ``torch.nn.functional.linear`` on
a selected weight computes its gradient in this way. A weight that is used in
any other way (convolution, table) takes the general path of
:class:`gps_seg.sparse.training.selected_entries.SelectedEntries`.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from torch import Tensor

from gps_seg.sparse.interception import (
    PlainLinear,
    find_rows,
    intercepting,
    is_left_to_torch,
)
from gps_seg.sparse.training.parts import Part, part_of
from gps_seg.sparse.training.selected_entries import SelectedEntries
from gps_seg.sparse.training.selected_linear import Map, selected_linear

#: Attribute of a weight while its gradient comes from columns. torch.compile
#: reads it from the weight of the call, so layers that share compiled code
#: keep their own columns. A look-up by identity would be compiled into the
#: code of the first layer.
_ATTRIBUTE = '_gps_seg_columns'


class ColumnGradients:
    """Gradients of selected entries from selected columns, where possible.

    Args:
        selected: Selected entries of each weight; weights that do not have
            two axes take the general path.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from gps_seg.sparse import SelectedWeights, Selection
        >>> layer = nn.Linear(3, 2)
        >>> selection = Selection(
        ...     {'weight': torch.tensor([1, 3])}, {'weight': (2, 3)}
        ... )
        >>> selected = SelectedWeights(layer, selection)
        >>> x = torch.tensor([[1.0, 2.0, 3.0]])
        >>> with ColumnGradients(selected.values()).active():
        ...     layer(x).sum().backward()
        >>> selected['weight'].values.grad, layer.weight.grad
        (tensor([2., 1.]), None)
    """

    def __init__(self, selected: Iterable[SelectedEntries]) -> None:
        self._columns = [
            _Columns(entries)
            for entries in selected
            if entries.weight.ndim == 2
        ]
        self._lock = Lock()
        self._depth = 0

    def __repr__(self) -> str:
        return f'ColumnGradients({len(self._columns)} weights)'

    @contextmanager
    def active(self) -> Iterator[None]:
        """A context whose forward passes get gradients from columns.

        The backward pass must also be inside if it recomputes parts of the
        forward pass (activation checkpointing). Outside, the results are the
        same, but a dense gradient is computed, gathered and freed. This also
        happens inside, for nested tensors and function transforms, and in
        compiled code for rows of a packed weight.

        Second derivatives with respect to the inputs are supported (a penalty
        on input gradients); those of the gradients of the selected entries
        must be computed outside.
        """
        self._mark(+1)
        try:
            with intercepting(_interceptor):
                yield
        finally:
            self._mark(-1)

    def _mark(self, change: int) -> None:
        """Mark the weights at the first entry, unmark them at the last."""
        with self._lock:
            before, self._depth = self._depth, self._depth + change
            if before and self._depth:
                return
            for columns in self._columns:
                columns.mark() if self._depth else columns.unmark()


class _Columns:
    """The selected columns of one weight, and of rows of it."""

    def __init__(self, entries: SelectedEntries) -> None:
        self.values = entries.values
        self._entries = entries
        self._whole = self._part_of(range(len(entries.weight)))
        self._parts: dict[range, Part] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """A pickle of a marked weight is one of the plain weight."""
        return type(None), ()

    def mark(self) -> None:
        setattr(self._entries.weight, _ATTRIBUTE, self)

    def unmark(self) -> None:
        if vars(self._entries.weight).get(_ATTRIBUTE) is self:
            delattr(self._entries.weight, _ATTRIBUTE)

    def part(self, rows: range) -> Part:
        """The selected entries in some rows, and their columns."""
        if len(rows) == len(self._entries.weight):
            return self._whole
        if rows not in self._parts:
            self._parts[rows] = self._part_of(rows)
        return self._parts[rows]

    def _part_of(self, rows: range) -> Part:
        fan_in = self._entries.weight.shape[1]
        return part_of(self._entries.indices, fan_in, rows)


class _Marked:
    """The weights that are marked, as a container."""

    def __contains__(self, weight: object) -> bool:
        # A weight that was pickled while it was marked has None.
        return getattr(weight, _ATTRIBUTE, None) is not None


class _ColumnInterceptor:
    """The interceptor of the linear maps of all marked weights."""

    def linear(
        self,
        plain: PlainLinear,
        inputs: Tensor,
        weight: Tensor,
        bias: Tensor | None,
    ) -> Tensor | None:
        """See :meth:`gps_seg.sparse.interception.Interceptor.linear`."""
        if is_left_to_torch(inputs, weight):
            return None
        found = find_rows(weight, _marked)
        if found is None:
            return None
        whole, rows = found
        if weight is not whole and weight.is_leaf:
            return None  # sliced under no_grad: no gradient reaches `whole`
        columns: _Columns = getattr(whole, _ATTRIBUTE)
        part = columns.part(rows)
        values: Tensor = columns.values
        if part.last - part.first != len(values):
            values = values[part.first : part.last]
        return selected_linear(values, inputs, bias, Map(plain, weight, part))


_marked = _Marked()
_interceptor = _ColumnInterceptor()
