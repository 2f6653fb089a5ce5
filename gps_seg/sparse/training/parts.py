# Copyright (c) gps_seg contributors. Apache-2.0.
"""Selected entries in consecutive rows of a weight, and their columns."""

from typing import NamedTuple

import torch
from torch import Tensor

#: Above this share of the fan-in the dense product is used, because gathering
#: the columns would cost more than it saves.
MAX_COLUMN_SHARE = 0.75


def is_compressed(num_columns: int, fan_in: int) -> bool:
    """Whether the selected columns are so few that gathering them pays off."""
    return num_columns <= MAX_COLUMN_SHARE * fan_in


class Part(NamedTuple):
    """Selected entries in consecutive rows of a weight, and their columns.

    Args:
        first: Position of the first entry among all entries of the weight.
        last: Position one past the last entry.
        columns: Columns of the input to keep, shape (num_columns,); None to
            keep all.
        positions: Flat positions of the entries in the product, which has
            shape (num_columns, rows), or (rows, fan_in) if all columns are
            kept; shape (last - first,).
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
    """The part of a selection in some rows of the weight.

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
    return Part(first, last, columns, position * len(rows) + row)
