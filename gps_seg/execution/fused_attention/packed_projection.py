# Copyright (c) gps_seg contributors. Apache-2.0.
"""The forward of ``nn.MultiheadAttention``, without the attention weights.

The layer computes ``softmax(Q K^T / sqrt(d)) V`` for each head. It returns the
softmax, the weights, beside the result unless a call says otherwise. Here they
are never formed.

Everything is written out: ``torch.compile`` traces each linear map, while it
takes ``F.multi_head_attention_forward`` as a whole. As there, each map is a
call of ``F.linear`` with the weight or some of its rows, and tokens are on the
first axis, on which those who intercept the maps rely.
"""

from collections.abc import Callable
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from gps_seg.execution.fused_attention.product_gradient import attend
from gps_seg.execution.instance_forward import PACKAGE

_Output = tuple[Tensor, Tensor | None]


def attention_forward(default: bool) -> Callable[..., _Output]:
    """A forward of ``nn.MultiheadAttention`` that is fused where possible.

    It is that of the class if the weights are needed, for masks, for keys and
    values that are added or of another width, and for nested tensors. It also
    is if somebody else's forward hook is on the layer, which may look at the
    weights.

    Args:
        default: Whether the weights are needed by a call that does not say so.

    Returns:
        A function for :func:`gps_seg.execution.instance_forward.set_forward`.
    """

    def forward(
        self: nn.MultiheadAttention,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool | None = None,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> _Output:
        needed = default if need_weights is None else need_weights
        masked = attn_mask is not None or key_padding_mask is not None
        if not (needed or masked or is_causal) and _can_fuse(self, query):
            return _attend(self, query, key, value), None
        result: _Output = type(self).forward(
            self,
            query,
            key,
            value,
            key_padding_mask,
            need_weights is None or need_weights,
            attn_mask,
            average_attn_weights,
            is_causal,
        )
        return result

    return forward


def _can_fuse(layer: nn.MultiheadAttention, query: Tensor) -> bool:
    plain = layer._qkv_same_embed_dim and not layer.add_zero_attn
    return (
        plain
        and layer.bias_k is None
        and query.dim() == 3
        and not query.is_nested
        and not any(map(_is_foreign, layer._forward_hooks.values()))
    )


def _is_foreign(hook: Any) -> bool:
    # Hooks of this package use the outputs alone.
    return not hook.__module__.startswith(f'{PACKAGE}.')


def _attend(
    layer: nn.MultiheadAttention,
    query: Tensor,
    key: Tensor,
    value: Tensor,
) -> Tensor:
    """Outputs of the layer, with the axes of the query."""
    if layer.batch_first:
        key_is_query, value_is_key = key is query, value is key
        query = query.transpose(0, 1)
        key = query if key_is_query else key.transpose(0, 1)
        value = key if value_is_key else value.transpose(0, 1)
    # Each of shape (tokens, batch, width), then (batch, heads, tokens, d).
    q, k, v = (
        projected.unflatten(-1, (layer.num_heads, -1)).permute(1, 2, 0, 3)
        for projected in _project(layer, query, key, value)
    )
    dropout = layer.dropout if layer.training else 0.0
    mixed = attend(q, k, v, dropout_p=dropout)
    out = layer.out_proj
    tokens = mixed.transpose(1, 2).flatten(2).contiguous()
    outputs = F.linear(tokens, out.weight, out.bias)
    return outputs if layer.batch_first else outputs.transpose(0, 1)


def _project(
    layer: nn.MultiheadAttention,
    query: Tensor,
    key: Tensor,
    value: Tensor,
) -> tuple[Tensor, ...]:
    """Queries, keys and values; one map for inputs that are one object."""
    weight, bias = layer.in_proj_weight, layer.in_proj_bias
    width = layer.embed_dim
    # MMCV passes transposed views. PyTorch multiplies these token by token if
    # the weight is frozen, which takes many times as long in bfloat16.
    if query is key and key is value:
        return F.linear(query.contiguous(), weight, bias).chunk(3, -1)
    if key is value:
        parts, sizes = (query, key), (width, 2 * width)
    else:
        parts, sizes = (query, key, value), (width,) * 3
    weights = weight.split(sizes)
    biases = (None,) * 3 if bias is None else bias.split(sizes)
    parts = tuple(part.contiguous() for part in parts)
    first, *rest = map(F.linear, parts, weights, biases)
    return (first, *(rest if len(rest) == 2 else rest[0].chunk(2, -1)))
