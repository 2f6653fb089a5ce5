# Copyright (c) gps_seg contributors. Apache-2.0.
"""``F.linear`` with a gradient of only the selected entries."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from gps_seg.sparse.interception import PlainLinear, as_no_view
from gps_seg.sparse.training.parts import Part


class Map(NamedTuple):
    """A linear map.

    Args:
        plain: Function that computes it.
        weight: Weight, or rows of one, shape (out, in).
        part: Selected entries in the weight.
    """

    plain: PlainLinear
    weight: Tensor
    part: Part


def selected_linear(
    values: Tensor,  # shape: (num_selected,)
    inputs: Tensor,  # shape: (*batch, in)
    bias: Tensor | None,  # shape: (out,)
    linear: Map,
) -> Tensor:  # shape: (*batch, out)
    """Apply a linear map; the gradient of its weight goes to ``values``.

    Args:
        values: Selected entries, equal to those in the weight.
        inputs: Inputs of the map.
        bias: Bias, or None.
        linear: Linear map.
    """
    function = (
        _SelectedLinear if torch.compiler.is_compiling() else _WithTangents
    )
    result: Tensor = function.apply(  # type: ignore[no-untyped-call]
        values, inputs, bias, linear
    )
    return result


class _SelectedLinear(torch.autograd.Function):
    """The weight is passed inside ``linear``, hidden from autograd."""

    @staticmethod
    def forward(
        ctx: Any,
        values: Tensor,
        inputs: Tensor,
        bias: Tensor | None,
        linear: Map,
    ) -> Tensor:
        weight, columns = linear.weight, linear.part.columns
        output = linear.plain(inputs, weight.detach(), bias)
        kept = inputs
        if columns is not None:
            kept = inputs.index_select(-1, columns)
        if kept.dtype != output.dtype:
            # Under autocast the product is computed in the output's dtype.
            kept = kept.to(output.dtype)
        if ctx.needs_input_grad[1]:
            ctx.save_for_backward(kept, weight)
        else:
            ctx.save_for_backward(kept)
        ctx.linear = linear
        return as_no_view(output)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients  # shape: (*batch, out)
        kept, *weights = ctx.saved_tensors
        batch = gradient.shape[:-1]
        tokens = gradient.reshape(batch.numel(), gradient.shape[-1])
        for_values = for_inputs = for_bias = None
        if ctx.needs_input_grad[0]:
            columns = kept.reshape(len(tokens), kept.shape[-1])
            for_values = _entries(ctx.linear.part, tokens, columns)
        if ctx.needs_input_grad[1]:
            # Not detached, because second derivatives depend on the weight.
            (weight,) = weights
            if weight.dtype != tokens.dtype:
                weight = weight.to(tokens.dtype)
            for_inputs = tokens.mm(weight).view(*batch, weight.shape[1])
        if ctx.needs_input_grad[2]:
            for_bias = tokens.sum(0)
        return for_values, for_inputs, for_bias, None


class _WithTangents(_SelectedLinear):
    """The same with forward-mode derivatives, which torch.compile rejects."""

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        """Forward-mode derivative along inputs and bias."""
        _, for_inputs, for_bias, _ = tangents
        plain, weight, _ = ctx.linear
        along: Tensor = plain(for_inputs, weight.detach(), for_bias)
        return along


def _entries(
    part: Part,
    tokens: Tensor,  # shape: (num_tokens, out)
    columns: Tensor,  # shape: (num_tokens, num_columns)
) -> Tensor:  # shape: (num_selected,)
    """Entries of the gradient of the weight."""
    if not torch.is_grad_enabled():
        return _product(part, tokens, columns).take(part.positions)
    with torch.no_grad():
        entries = _product(part, tokens, columns).take(part.positions)
    result: Tensor = _FirstGradient.apply(  # type: ignore[no-untyped-call]
        entries.requires_grad_()
    )
    return result


def _product(part: Part, tokens: Tensor, columns: Tensor) -> Tensor:
    """The gradient of all rows in the columns that are kept."""
    if part.columns is None:
        return tokens.t().mm(columns)
    # With few columns the transposed product is up to six times as fast on a
    # CPU: it reads the many outputs along their rows.
    return columns.t().mm(tokens)


class _FirstGradient(torch.autograd.Function):
    """A gradient that cannot be differentiated: the inputs were not kept."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient.clone()

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> Tensor:
        raise RuntimeError(
            'gradients: expected only first gradients of the selected '
            'entries inside compressing(), got a gradient of them. Run these '
            'forward and backward passes outside of compressing().'
        )
