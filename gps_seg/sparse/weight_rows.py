# Copyright (c) gps_seg contributors. Apache-2.0.
"""Which parameter, and which of its rows, a linear map was called with.

Attention layers hand ``F.linear`` consecutive rows of a packed projection
rather than a parameter of their own.
"""

from collections.abc import Container

from torch import Tensor


def find_rows(
    weight: Tensor,  # shape: (rows, in)
    known: Container[Tensor],
) -> tuple[Tensor, range] | None:
    """The known weight that ``weight`` is, or consecutive rows of which.

    Returns:
        The known weight and the rows, or None if ``weight`` is neither.
    """
    if weight in known:
        return weight, range(len(weight))
    whole = weight._base
    if whole is None or whole not in known or weight.ndim != 2:
        return None
    offset = int(weight.storage_offset() - whole.storage_offset())
    start, inside_row = divmod(offset, whole.shape[1])
    if (
        inside_row
        or not whole.is_contiguous()
        or weight.stride() != whole.stride()
        or weight.shape[1] != whole.shape[1]
    ):
        return None
    return whole, range(start, start + len(weight))
