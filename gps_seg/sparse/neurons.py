# Copyright (c) gps_seg contributors. Apache-2.0.
"""Weights as one row of connections for each output neuron.

A neuron is a slice along dim 0 of a weight: a row of a Linear, a filter of a
convolution. A transposed convolution stores ``(in, out / groups, ...)``; its
first two axes are exchanged within each group.
"""

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvTransposeNd


def as_neurons(
    tensor: Tensor,  # shape of the weight of `module`
    module: nn.Module,
) -> Tensor:  # shape: (neurons, fan_in)
    """View a weight, or a tensor of its shape, as one row per output neuron.

    Example:
        >>> conv = nn.Conv2d(3, 8, kernel_size=2)
        >>> as_neurons(conv.weight, conv).shape
        torch.Size([8, 12])
    """
    if isinstance(module, _ConvTransposeNd):
        grouped = tensor.unflatten(0, (module.groups, -1))
        tensor = grouped.transpose(1, 2).flatten(0, 1)
    return tensor.flatten(1)


def flat_indices(
    columns: Tensor,  # shape: (neurons, number), int64
    shape: torch.Size,
    module: nn.Module,
) -> Tensor:  # shape: (neurons, number), int64
    """Indices into the flattened weight of some connections of each neuron.

    Args:
        columns: Columns of the connections in :func:`as_neurons`.
        shape: Shape of the weight.
        module: Module of the weight.

    Example:
        >>> columns = torch.tensor([[0], [2]])
        >>> flat_indices(columns, torch.Size([2, 3]), nn.Linear(3, 2))
        tensor([[0],
                [5]])
    """
    if isinstance(module, _ConvTransposeNd):
        everything = torch.arange(shape.numel(), device=columns.device)
        return as_neurons(everything.view(shape), module).gather(1, columns)
    fan_in = shape[1:].numel()
    starts = torch.arange(0, shape.numel(), fan_in, device=columns.device)
    return starts[:, None] + columns
