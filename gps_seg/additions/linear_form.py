# Copyright (c) gps_seg contributors. Apache-2.0.
"""The base class of additions to one linear map.

They are forms of a weight; see :mod:`gps_seg.additions.weight_forms`.
"""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import ClassVar

from torch import Tensor, nn

from gps_seg.additions.addition import Addition, NotMergeableError
from gps_seg.additions.hosts import Handle
from gps_seg.additions.neighbours import neighbours
from gps_seg.additions.weight_forms import Map, bias_name


class LinearForm(Addition):
    """A linear map that computes something else.

    The map has the bias of the module that owns the weight. A bias from
    elsewhere, such as ``q_bias`` and ``v_bias`` of BEiT, is added behind the
    form, so that it can be merged all the same.

    Args:
        shape: Numbers of outputs and inputs of the map.

    Attributes:
        of_inputs: Whether the form is a function of the inputs alone, and then
            the map. So it may be at rows that are computed in parts.
        attribute: Name of the weight in its module; set with its place.
        rows: Rows of the weight that are this map.

    Example:
        >>> import torch
        >>> class Twice(LinearForm):
        ...     def forward(self, base, inputs):
        ...         return 2 * base(inputs)
        ...
        ...     def merged_map(self, weight, bias):
        ...         return 2 * weight, None if bias is None else 2 * bias
        >>> base = Map(nn.functional.linear, torch.eye(2), bias=None)
        >>> Twice((2, 2))(base, torch.ones(2))
        tensor([2., 2.])
    """

    of_inputs: ClassVar[bool] = False
    attribute: str
    rows: tuple[int, int]

    def __init__(self, shape: tuple[int, int]) -> None:
        super().__init__()
        self.shape = shape

    @abstractmethod
    def forward(
        self,
        base: Map,
        inputs: Tensor,  # shape: (..., in)
    ) -> Tensor:  # shape: (..., out)
        """Compute the outputs.

        Args:
            base: The map of the plain model.
            inputs: Inputs of the map.
        """

    def start(
        self,
        weight: Tensor,  # shape: (out, in)
    ) -> None:
        """Set initial values that depend on the map's weight.

        It is called when the form is attached, but not when its values are
        read from a file. By default there are none.

        Args:
            weight: Weight of the map in the plain model.
        """

    def merged_map(
        self,
        weight: Tensor,  # shape: (out, in)
        bias: Tensor | None,  # shape: (out,)
    ) -> tuple[Tensor, Tensor | None]:
        """Weight and bias of a plain map that computes the same.

        Raises:
            NotMergeableError: If there are none.
        """
        super().merged({})
        raise NotImplementedError

    def merged(self, host: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The weight of the host, and its bias, with the form folded in."""
        weight = host[self.attribute].clone()
        name = bias_name(self.attribute)
        bias = host[name].clone() if name in host else None
        rows = slice(*self.rows)
        part = None if bias is None else bias[rows]
        weight[rows], new_bias = self.merged_map(weight[rows], part)
        if new_bias is None:
            return {self.attribute: weight}
        if bias is None:
            raise NotMergeableError('the map has no bias, and would need one')
        bias[rows] = new_bias
        return {self.attribute: weight, name: bias}

    def hang(self, host: nn.Module) -> Iterable[Handle]:
        """Nothing: all forms of a weight are intercepted together."""
        return ()

    def beside(self, host: nn.Module) -> Mapping[str, nn.Parameter]:
        """Matrices beside the weight, vectors beside the bias."""
        names = self.attribute, bias_name(self.attribute)
        known = dict(host.named_parameters(recurse=False))
        return neighbours(self, {n: known[n] for n in names if n in known})
