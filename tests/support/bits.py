# Copyright (c) gps_seg contributors. Apache-2.0.
"""Tensors compared bit by bit."""

import torch


def other_bits(one, other):
    """Mask of the entries that differ in any bit.

    0.0 and -0.0 differ, equal NaNs do not.

    Returns:
        Boolean mask of the shape of the tensors.
    """
    assert (one.shape, one.dtype) == (other.shape, other.dtype)
    first, second = (
        tensor.detach().contiguous().reshape(-1, 1).view(torch.uint8)
        for tensor in (one, other)
    )
    return (first != second).any(dim=1).view(one.shape)
