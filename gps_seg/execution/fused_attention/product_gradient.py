# Copyright (c) gps_seg contributors. Apache-2.0.
"""Attention whose gradients are plain products where these are faster.

On a CPU, the backward pass of PyTorch's fused kernel is slow in bfloat16 for
few tokens: it takes 14 times as long as its forward pass for 50 of them. With
``P = softmax(s Q K^T)``, ``O = P V`` and the gradient ``G`` of ``O``, the
gradients are ::

    dV = P^T G,   dS = s P * (G V^T - rowsum(P * G V^T)),
    dQ = dS K,    dK = dS^T Q.

``P`` is computed again, from scores in float32: rounded to bfloat16, these
would make the errors of gradients up to five times as large as those of the
kernel, which they do not exceed as it is. The forward pass is that of the
kernel and keeps nothing more.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

#: Largest number of queries x keys; the kernel is as fast for 785 x 785.
LARGEST = 600 * 600

#: Largest number of queries x keys with a float32 gradient of the weights.
#: For more, the errors of the kernel are larger than those by bfloat16.
_FINE = 200 * 200

#: Entries of all matrices that are formed at once: 1 MiB in float32, which
#: stays in the cache of a core.
_BLOCK = 2**18


def attend(
    query: Tensor,  # shape: (batch, heads, queries, d)
    key: Tensor,  # shape: (batch, heads, keys, d)
    value: Tensor,  # shape: (batch, heads, keys, d)
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    scale: float | None = None,
) -> Tensor:  # shape: (batch, heads, queries, d)
    """``F.scaled_dot_product_attention``, with the faster backward pass.

    That is the kernel's own, except in bfloat16 on a CPU for few tokens,
    without a mask or dropout. Compiled code has that of the kernel.

    Args:
        query: Queries.
        key: Keys.
        value: Values.
        attn_mask: Mask, or what is added to the scores.
        dropout_p: Probability with which a weight is dropped.
        scale: Factor of the scores; None for ``1 / sqrt(d)``.

    Returns:
        The mixed values, with the bits of the kernel.
    """
    plain = attn_mask is None and dropout_p == 0
    if plain and _gains(query, key, value):
        factor = query.shape[-1] ** -0.5 if scale is None else scale
        result: Tensor = _ProductGradient.apply(query, key, value, factor)
        return result
    return F.scaled_dot_product_attention(
        query, key, value, attn_mask, dropout_p, scale=scale
    )


def _gains(*qkv: Tensor) -> bool:
    """Whether products compute the gradients in less time."""
    if torch.compiler.is_compiling() or not torch.is_grad_enabled():
        return False
    query, key, value = qkv
    return (
        any(one.requires_grad for one in qkv)
        and all(one.dtype == torch.bfloat16 for one in qkv)
        and all(one.device.type == 'cpu' for one in qkv)
        and query.dim() == 4
        and key.shape == value.shape
        and query.shape[:2] == key.shape[:2]
        and not any(one.is_nested for one in qkv)
        and query.shape[2] * key.shape[2] <= LARGEST
        and not torch._C._are_functorch_transforms_active()
    )


class _ProductGradient(torch.autograd.Function):
    """The kernel, and the gradients block by block of matrices."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, s: float) -> Tensor:
        ctx.save_for_backward(q, k, v)
        ctx.scale = s
        return F.scaled_dot_product_attention(q, k, v, scale=s)

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, gradient: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, None]:
        qkv = ctx.saved_tensors
        number = max(1, _BLOCK // (qkv[0].shape[2] * qkv[1].shape[2]))
        results = tuple(torch.empty(x.shape, dtype=x.dtype) for x in qkv)
        parts = (x.flatten(0, 1).split(number) for x in (*qkv, gradient))
        outs = (x.flatten(0, 1).split(number) for x in results)
        # A backward pass may run inside of autocast.
        with torch.autocast('cpu', enabled=False):
            for q, k, v, g, *out in zip(*parts, *outs, strict=True):
                _write_gradients(q, k, v, g, ctx.scale, *out)
        return *results, None


def _write_gradients(
    q: Tensor,  # shape: (matrices, queries, d), as g and dq
    k: Tensor,  # shape: (matrices, keys, d), as v, dk and dv
    v: Tensor,
    g: Tensor,
    scale: float,
    dq: Tensor,
    dk: Tensor,
    dv: Tensor,
) -> None:
    scores = torch.bmm(q.float() * scale, k.float().transpose(1, 2))
    weights = scores.softmax(-1)
    rounded = weights.to(q.dtype)
    torch.bmm(rounded.transpose(1, 2), g, out=dv)
    if scores[0].numel() > _FINE:
        weights = rounded
    fine = weights.dtype
    dweights = torch.bmm(g.to(fine) * scale, v.to(fine).transpose(1, 2))
    dscores = torch._softmax_backward_data(dweights, weights, -1, fine)
    dscores = dscores.to(q.dtype)
    torch.bmm(dscores, k, out=dq)
    torch.bmm(dscores.transpose(1, 2), q, out=dk)
