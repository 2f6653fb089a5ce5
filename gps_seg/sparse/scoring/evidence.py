# Copyright (c) gps_seg contributors. Apache-2.0.
"""The kinds of evidence that can be summed over the training data."""

from collections.abc import Mapping
from enum import Enum

import torch
from torch import Tensor

from gps_seg.sparse.scoring.moments import packed_shape


class Evidence(Enum):
    """Quantities that can be summed over batches; ``L`` is a batch's loss.

    Example:
        >>> Evidence.SQUARED_GRADIENT.value
        '(dL/dw)^2'
    """

    GRADIENT = 'dL/dw'
    SQUARED_GRADIENT = '(dL/dw)^2'
    ABSOLUTE_GRADIENT = '|dL/dw|'
    GRADIENT_AND_INPUTS = 'dL/dw, dL/db, and x and x^2 of the inputs'
    INPUT = '|x| of the input that w multiplies'
    OUTPUT = 'y^2 of each output of the linear map'

    @property
    def needs_gradient(self) -> bool:
        """Whether a backward pass is run."""
        return self not in (Evidence.INPUT, Evidence.OUTPUT)

    def sum_shape(self, parameter: Tensor) -> torch.Size:
        """Shape of a sum: that of the parameter, or one value for each row.

        The sum of gradients and inputs is packed, see
        :mod:`gps_seg.sparse.scoring.moments`.
        """
        if self is Evidence.GRADIENT_AND_INPUTS:
            return packed_shape(parameter.shape)
        is_per_row = self is Evidence.OUTPUT
        return parameter.shape[:1] if is_per_row else parameter.shape

    def sum_bytes(self, parameters: Mapping[str, Tensor]) -> int:
        """Memory of the float32 sums of these parameters.

        Example:
            >>> Evidence.GRADIENT.sum_bytes({'fc': torch.zeros(2, 3)})
            24
        """
        shapes = map(self.sum_shape, parameters.values())
        return sum(shape.numel() for shape in shapes) * torch.float32.itemsize
