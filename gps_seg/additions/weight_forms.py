# Copyright (c) gps_seg contributors. Apache-2.0.
"""Take the linear maps of a weight over, in whatever module it lies.

They are intercepted where all linear maps of PyTorch meet, so that packed
attention projections, whose modules are never called, are changed like any
other (see :mod:`gps_seg.sparse.interception`). The interception lasts for the
forward pass of the module that owns the weight, or of its parent; so it also
happens in an evaluation, in a copy and in recomputed checkpoints.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from gps_seg.additions.compilation import ComputedMaps, uncompiled
from gps_seg.additions.hosts import Handle
from gps_seg.sparse.interception import (
    Forgetting,
    PlainLinear,
    enter,
    find_rows,
    leave,
)


class Map:
    """The function ``x W^T + b``: (..., in) -> (..., out).

    Args:
        plain: ``F.linear``, or what stands for it.
        weight: ``W``, of shape (out, in).
        bias: ``b``, of shape (out,); None for no bias.
    """

    def __init__(
        self, plain: PlainLinear, weight: Tensor, bias: Tensor | None
    ) -> None:
        self._plain = plain
        self.weight, self.bias = weight, bias

    def __call__(self, inputs: Tensor) -> Tensor:
        """Outputs of the map."""
        return self._plain(inputs, self.weight, self.bias)


class Form(Protocol):
    """What takes some rows of a weight over: a :class:`LinearForm`, or not.

    Attributes:
        rows: First row and end of the rows of the weight.
    """

    rows: tuple[int, int]

    @property
    def of_inputs(self) -> bool:
        """See :class:`LinearForm`."""

    def __call__(self, base: Map, inputs: Tensor) -> Tensor:
        """See :meth:`LinearForm.forward`."""


class WeightForms:
    """The forms of one weight, which take its linear maps over.

    Args:
        owner: Module with the weight.
        attribute: Name of the weight in it.
        forms: Forms, for rows that do not overlap.
    """

    def __init__(
        self, owner: nn.Module, attribute: str, forms: Iterable[Form]
    ) -> None:
        self._owner = owner
        self._attribute = attribute
        self._forms = sorted(forms, key=lambda form: form.rows)
        self._computed = ComputedMaps()

    def intercept_in(self, module: nn.Module) -> Iterator[Handle]:
        """Intercept the weight during the forward passes of a module."""
        yield module.register_forward_pre_hook(self._enter)
        yield module.register_forward_hook(self._leave, always_call=True)
        yield Forgetting(self)

    @uncompiled
    def linear(
        self,
        plain: PlainLinear,
        inputs: Tensor,
        weight: Tensor,
        bias: Tensor | None,
    ) -> Tensor | None:
        """See :meth:`gps_seg.sparse.interception.Interceptor.linear`."""
        found = find_rows(weight, {getattr(self._owner, self._attribute)})
        if found is None:
            return None
        self._computed.note()
        rows = found[1]
        if bias is not None and not self._owns_bias():
            inside = self.linear(plain, inputs, weight, None)
            return None if inside is None else inside + bias.to(inside.dtype)
        outputs = []
        for part, form in self._parts(rows):
            piece = slice(part.start - rows.start, part.stop - rows.start)
            whole = len(part) == len(rows)
            base = Map(
                plain,
                weight if whole else weight[piece],
                bias if whole or bias is None else bias[piece],
            )
            outputs.append(
                base(inputs) if form is None else form(base, inputs)
            )
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs, -1)

    def _owns_bias(self) -> bool:
        name = bias_name(self._attribute)
        return getattr(self._owner, name, None) is not None

    def _parts(self, rows: range) -> Iterable[tuple[range, Form | None]]:
        """Divide rows into those of each form and those between them."""
        start = rows.start
        for form in self._forms:
            first, last = form.rows
            if last <= rows.start or first >= rows.stop:
                continue
            if form.of_inputs:
                first, last = max(first, rows.start), min(last, rows.stop)
            if first < rows.start or last > rows.stop:
                raise RuntimeError(
                    f'additions: expected the rows {first} to {last} of '
                    f'{self._attribute} in one linear map, got a map of the '
                    f'rows {rows.start} to {rows.stop}.'
                )
            if start < first:
                yield range(start, first), None
            yield range(first, last), form
            start = last
        if start < rows.stop:
            yield range(start, rows.stop), None

    @uncompiled
    def _enter(self, _module: nn.Module, _args: Any) -> None:
        enter(self)

    @uncompiled
    def _leave(self, module: nn.Module, _args: Any, output: Any) -> None:
        leave(self)
        self._computed.check(module, output)


def intercept(
    root: nn.Module, name: str, forms: Iterable[Form]
) -> Iterator[Handle]:
    """Let forms of a weight take its linear maps over.

    Args:
        root: Module in which the weight is.
        name: Name of the weight in it.
        forms: Forms of its rows, which do not overlap.

    Yields:
        Handles of the hooks; remove them to undo it.
    """
    owner, _, attribute = name.rpartition('.')
    weight = WeightForms(root.get_submodule(owner), attribute, forms)
    # Attention layers use weights of children past the forward of these.
    parent = owner.rpartition('.')[0]
    for module in dict.fromkeys([owner, parent]):
        yield from weight.intercept_in(root.get_submodule(module))


def bias_name(weight: str) -> str:
    """Name of the bias that belongs to a weight in its module.

    Example:
        >>> bias_name('weight'), bias_name('in_proj_weight')
        ('bias', 'in_proj_bias')
    """
    return f'{weight.removesuffix("weight")}bias'
