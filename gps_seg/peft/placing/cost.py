# Copyright (c) gps_seg contributors. Apache-2.0.
"""The cost of an addition: the number of its values."""

from collections.abc import Mapping

from torch import Tensor

from gps_seg.additions import Added, Plan, shapes_of


def cost_of(one: Added, tensors: Mapping[str, Tensor]) -> int:
    """Number of values in an addition.

    Args:
        one: Addition to a model.
        tensors: Tensors of the plain model, by name.

    Raises:
        ValueError: If the addition does not fit its place.
    """
    shapes = shapes_of(Plan([one]), tensors)
    return sum(shape.numel() for shape in shapes.values())
