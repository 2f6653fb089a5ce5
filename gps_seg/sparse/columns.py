# Copyright (c) gps_seg contributors. Apache-2.0.
"""Gradients of the selected entries of linear maps, without the dense ones.

For ``y = x W^T + b`` with ``x`` of shape (tokens, in) and ``D = dL/dy`` of
shape (tokens, out) the gradient is ``dL/dW = D^T x``. Only the entries
``(row, column)`` that were selected are wanted. With ``C`` the distinct
columns among them, ``D^T x[:, C]`` holds all of these, exactly, at the cost
of ``|C| / in`` of the product, and nothing but ``x[:, C]`` is kept for the
backward pass. ``C`` is small because the neurons of a layer agree on which of
their inputs matter.

Inside :meth:`ColumnGradients.active` every ``torch.nn.functional.linear`` on
a selected weight computes its gradient in this way. That function is where
all linear maps of PyTorch meet: ``nn.Linear``, the packed projections inside
``F.multi_head_attention_forward``, which go past the forward of the modules
that own them, and attention layers that call it with a weight of their own.
No module, parameter or hook of the model is touched. A weight that is used in
any other way (convolution, table) takes the general path of
:class:`gps_seg.sparse.SelectedEntries`.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from gps_seg.sparse.training import SelectedEntries
from gps_seg.sparse.weight_rows import find_rows

#: Above this share of the fan-in the dense product is taken: the columns
#: would have to be copied together first, and little is saved by then.
MAX_COLUMN_SHARE = 0.75

plain_linear = F.linear


def is_compressed(num_columns: int, fan_in: int) -> bool:
    """Whether few enough columns are selected for gathering them to pay."""
    return num_columns <= MAX_COLUMN_SHARE * fan_in


class Part(NamedTuple):
    """Selected entries in consecutive rows of a weight, and their columns.

    Args:
        first: Position of the first of them among all of the weight.
        last: The same, one past the last.
        columns: Columns to keep of the input, shape (num_columns,); None to
            keep all of them.
        positions: Flat positions in the product, which has the shape
            (rows, num_columns), of the entries, shape (last - first,).
    """

    first: int
    last: int
    columns: Tensor | None
    positions: Tensor


def part_of(
    indices: Tensor,  # shape: (num_selected,), int64, strictly increasing
    fan_in: int,
    rows: range,
) -> Part:
    """The part of a selection that lies in some rows of the weight.

    Example:
        >>> part_of(torch.tensor([2, 12, 22]), fan_in=10, rows=range(1, 3))
        Part(first=1, last=3, columns=tensor([2]), positions=tensor([0, 1]))
    """
    bounds = indices.new_tensor([rows.start * fan_in, rows.stop * fan_in])
    first, last = torch.searchsorted(indices, bounds).tolist()
    local = indices[first:last] - rows.start * fan_in
    columns, position = local.remainder(fan_in).unique(return_inverse=True)
    if not is_compressed(len(columns), fan_in):
        return Part(first, last, None, local)
    row = local.div(fan_in, rounding_mode='floor')
    return Part(first, last, columns, row * len(columns) + position)


class _SelectedLinear(torch.autograd.Function):
    """``F.linear`` whose weight gradient is that of the selected entries."""

    @staticmethod
    def forward(
        ctx: Any,
        values: Tensor,  # shape: (num_selected,)
        inputs: Tensor,  # shape: (*batch, in)
        weight: Tensor,  # shape: (out, in), detached
        bias: Tensor | None,  # shape: (out,)
        part: Part,
    ) -> Tensor:  # shape: (*batch, out)
        output = plain_linear(inputs, weight, bias)
        kept = inputs
        if part.columns is not None:
            kept = inputs.index_select(-1, part.columns)
        # Under autocast the product is taken in the dtype of the output.
        ctx.save_for_backward(kept.to(output.dtype), weight)
        ctx.positions = part.positions
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients  # shape: (*batch, out)
        kept, weight = ctx.saved_tensors
        tokens = gradient.reshape(-1, gradient.shape[-1])
        for_values = for_inputs = for_bias = None
        with torch.autocast(gradient.device.type, enabled=False):
            if ctx.needs_input_grad[0]:
                product = tokens.T @ kept.reshape(len(tokens), -1)
                for_values = product.take(ctx.positions)
            if ctx.needs_input_grad[1]:
                for_inputs = gradient @ weight.to(gradient.dtype)
            if ctx.needs_input_grad[3]:
                for_bias = tokens.sum(0)
        return for_values, for_inputs, None, for_bias, None


class ColumnGradients:
    """Gradients of selected entries from selected columns, where possible.

    Args:
        selected: Entries of weights; those of two axes are of linear maps.
    """

    def __init__(self, selected: Iterable[SelectedEntries]) -> None:
        self._entries: dict[Tensor, SelectedEntries] = {
            entries.weight: entries
            for entries in selected
            if entries.weight.ndim == 2
        }
        self._parts: dict[tuple[Tensor, range], Part] = {}

    @contextmanager
    def active(self) -> Iterator[None]:
        """Compute gradients from columns in the forward passes inside.

        The backward pass must be inside too if it computes parts of the
        forward pass again (activation checkpointing). Whatever runs outside
        is the plain model with equal results: there a dense gradient is
        formed, gathered and freed.

        Not for two threads at once: ``F.linear`` is one per process.
        """
        outer, F.linear = F.linear, self._linear
        try:
            yield
        finally:
            F.linear = outer

    def _linear(
        self,
        input: Tensor,  # noqa: A002 (the name by which it is called)
        weight: Tensor,
        bias: Tensor | None = None,
    ) -> Tensor:
        if not torch.is_grad_enabled() or torch.compiler.is_compiling():
            return plain_linear(input, weight, bias)
        found = find_rows(weight, self._entries)
        if found is None:
            return plain_linear(input, weight, bias)
        owner, rows = self._entries[found[0]], found[1]
        part = self._part(owner, rows)
        values: Tensor = owner.values
        if part.last - part.first != len(values):
            values = values[part.first : part.last]
        result: Tensor = _SelectedLinear.apply(  # type: ignore[no-untyped-call]
            values, input, weight.detach(), bias, part
        )
        return result

    def _part(self, owner: SelectedEntries, rows: range) -> Part:
        key = owner.weight, rows
        if key not in self._parts:
            self._parts[key] = part_of(
                owner.indices, owner.weight.shape[1], rows
            )
        return self._parts[key]
