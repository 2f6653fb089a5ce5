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

from collections.abc import Iterable
from contextlib import AbstractContextManager

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
        self._entries: dict[Tensor, SelectedEntries] = {
            entries.weight: entries
            for entries in selected
            if entries.weight.ndim == 2
        }
        self._parts: dict[tuple[Tensor, range], Part] = {}

    def __repr__(self) -> str:
        return f'ColumnGradients({len(self._entries)} weights)'

    def active(self) -> AbstractContextManager[None]:
        """A context whose forward passes get gradients from columns.

        The backward pass must also be inside if it recomputes parts of the
        forward pass (activation checkpointing). Outside, the results are the
        same, but a dense gradient is computed, gathered and freed. This also
        happens inside, for compiled code, nested tensors and function
        transforms.

        Second derivatives with respect to the inputs are supported (a penalty
        on input gradients); those of the gradients of the selected entries
        must be computed outside.
        """
        return intercepting(self)

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
        found = find_rows(weight, self._entries)
        if found is None:
            return None
        whole, rows = found
        if weight is not whole and weight.is_leaf:
            return None  # sliced under no_grad: no gradient reaches `whole`
        owner = self._entries[whole]
        part = self._part(owner, rows)
        values: Tensor = owner.values
        if part.last - part.first != len(values):
            values = values[part.first : part.last]
        return selected_linear(values, inputs, bias, Map(plain, weight, part))

    def _part(self, owner: SelectedEntries, rows: range) -> Part:
        key = owner.weight, rows
        if key not in self._parts:
            self._parts[key] = part_of(
                owner.indices, owner.weight.shape[1], rows
            )
        return self._parts[key]
