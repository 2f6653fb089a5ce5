# Copyright (c) gps_seg contributors. Apache-2.0.
"""Read and write entries of a dense tensor by flat position.

Both are deterministic on every device under
``torch.use_deterministic_algorithms``; ``put_`` is not.
"""

import torch
from torch import Tensor


def read_entries(
    tensor: Tensor,  # any shape and strides
    indices: Tensor,  # shape: (num_entries,), int64
) -> Tensor:  # shape: (num_entries,)
    """Copy entries out of a tensor.

    Args:
        tensor: Tensor to read; no gradient flows back to it.
        indices: Positions in the tensor flattened row by row.

    Example:
        >>> read_entries(torch.arange(6).view(2, 3), torch.tensor([1, 5]))
        tensor([1, 5])
    """
    tensor = tensor.detach()
    indices = indices.to(tensor.device)
    if tensor.is_contiguous():  # faster
        return tensor.view(-1).index_select(0, indices)
    return tensor.take(indices)


def write_entries(
    tensor: Tensor,  # any shape and strides
    indices: Tensor,  # shape: (num_entries,), int64
    values: Tensor,  # shape: (num_entries,)
) -> None:
    """Write values into a tensor in place; all other entries stay.

    Args:
        tensor: Tensor to write to; a parameter may require grad.
        indices: Positions in the tensor flattened row by row, each once.
        values: New values; rounded to the dtype of the tensor if it differs.

    Example:
        >>> tensor = torch.zeros(2, 3)
        >>> write_entries(tensor, torch.tensor([1, 5]), torch.tensor([7., 8.]))
        >>> tensor
        tensor([[0., 7., 0.],
                [0., 0., 8.]])
    """
    tensor, values = tensor.detach(), values.detach().to(tensor)
    indices = indices.to(tensor.device)
    if tensor.is_contiguous():  # faster
        tensor.view(-1).index_copy_(0, indices, values)
    else:
        tensor[torch.unravel_index(indices, tensor.shape)] = values
