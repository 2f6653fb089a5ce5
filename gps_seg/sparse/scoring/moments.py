# Copyright (c) gps_seg contributors. Apache-2.0.
"""The gradient of a weight in units of its inputs, from one packed sum.

For a linear map of a weight of shape (out, in) the sum has the shape
``(out + 2, in + 1)``::

    G      g_b      G = sum d x^T, g_b = sum d over all tokens, d = dL/dy
    sum x    n      n: number of tokens
    sum x^2  n_b    n_b: number of tokens whose map had a bias

For a convolution the moments are kept for each entry of the weight, because
they depend on the group of an output channel: ``(3 * out, fan_in + 1)``.
"""

from typing import NamedTuple

import torch
from torch import Tensor

#: Share of the layer's median that is the least scale of an input.
_FLOOR = 0.05


def packed_shape(shape: torch.Size) -> torch.Size:
    """Shape of the packed sum of a weight.

    Example:
        >>> packed_shape(torch.Size([4, 3]))
        torch.Size([6, 4])
        >>> packed_shape(torch.Size([4, 3, 2, 2]))
        torch.Size([12, 13])
    """
    rows, fan_in = shape[0], shape[1:].numel()
    of_moments = 2 if len(shape) == 2 else 2 * rows
    return torch.Size([rows + of_moments, fan_in + 1])


def gradient_in(total: Tensor, shape: torch.Size) -> Tensor:
    """The gradients in a sum, packed or not: a view of ``shape``."""
    if total.shape == shape:
        return total
    return total[: shape[0], :-1].view(shape)


class Inputs(NamedTuple):
    """Center and scale of the input of each entry of a weight.

    Args:
        mean: Mean of the input, or 0 where the map has no bias that could
            take it over, shape (1, fan_in) or (out, fan_in).
        scale: Root mean square of the input minus ``mean``, of that shape,
            above 0. A floor keeps it from vanishing: the square of 0.05 times
            the layer's median root mean square is added to its square.
    """

    mean: Tensor
    scale: Tensor


def inputs_in(total: Tensor, rows: int, *, centered: bool = True) -> Inputs:
    """Center and scale of the inputs, from a packed sum.

    Inputs that were never met have the mean 0 and the scale 1.

    Args:
        total: Packed sum.
        rows: Number of rows of the weight.
        centered: Whether a bias takes over the mean.

    Example:
        >>> x = torch.tensor([1.0, 3.0])
        >>> of_inputs = [[x.sum(), 2], [x.square().sum(), 2]]
        >>> total = torch.tensor([[0.0, 0.0], *of_inputs])
        >>> mean, scale = inputs_in(total, rows=1)
        >>> mean.item(), round(scale.item(), 3)  # sqrt(1 + 0.05^2 * 5)
        (2.0, 1.006)
    """
    first, second = total[rows:].chunk(2)
    number, with_bias = first[:, -1:], second[:, -1:]
    count = number.clamp(min=1)
    square = second[:, :-1] / count
    is_centered = (with_bias == number) & centered
    mean = torch.where(is_centered, first[:, :-1] / count, 0)
    variance = (square - mean.square()).clamp(min=0)
    floor = _FLOOR * square.sqrt().median()
    scale = (variance + floor.square()).sqrt()
    # Without variation, what is left of a gradient is zero or rounding.
    return Inputs(mean, torch.where(scale > 0, scale, 1))


def newton_scores(weight: Tensor, total: Tensor) -> Tensor:
    """``|G| / rms``, of the shape of the weight."""
    inputs = inputs_in(total, len(weight), centered=False)
    score: Tensor = total[: len(weight), :-1].abs() / inputs.scale
    return score.view(weight.shape)


def decrement_scores(weight: Tensor, total: Tensor) -> Tensor:
    """``|G - g_b mean| / std``, of the shape of the weight.

    It ranks the inputs of a neuron by the Newton decrement, the decrease of
    the loss that a quadratic model predicts, beyond what the bias can do.
    With the curvature ``h`` of the loss in the output of neuron ``r``, a step
    along ``u (x_c - mean_c)`` has the gradient ``g = G - g_b mean`` and the
    curvature ``h n var_c``: the best step gives ``g^2 / (2 h n var_c)``, and
    ``h n`` is the same for all inputs of the neuron.
    """
    mean, scale = inputs_in(total, len(weight))
    summed = total[: len(weight)]
    score = (summed[:, :-1] - summed[:, -1:] * mean).abs() / scale
    return score.view(weight.shape)
