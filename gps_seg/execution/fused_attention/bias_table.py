# Copyright (c) gps_seg contributors. Apache-2.0.
"""The forward of an attention with a table of relative positions (BEiT).

``softmax(Q K^T s + B) V``, where ``B`` of each head is looked up by the
positions of two tokens (Bao et al., BEiT, ICLR 2022). Fused kernels add it as
the mask. The classes of MMSegmentation and MMPretrain are the same up to a
bias that all layers may share.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gps_seg.execution.fused_attention.product_gradient import attend


def forward(
    self: nn.Module,
    x: Tensor,  # shape: (batch, tokens, width)
    rel_pos_bias: Tensor | None = None,  # shape: (heads, tokens, tokens)
) -> Tensor:  # shape: (batch, tokens, width)
    """Outputs of the layer.

    It is the forward of the class if a bias trains, since fused kernels of a
    CPU have no gradient of it, and if there are hooks on the dropout of the
    attention weights.
    """
    if _trains(self.relative_position_bias_table, rel_pos_bias) or (
        self.attn_drop._forward_hooks or self.attn_drop._forward_pre_hooks
    ):
        given = () if rel_pos_bias is None else (rel_pos_bias,)
        result: Tensor = type(self).forward(self, x, *given)
        return result
    qkv = _projected(self, x).unflatten(-1, (3, self.num_heads, -1))
    q, k, v = qkv.permute(2, 0, 3, 1, 4)
    mixed = attend(
        q,
        k,
        v,
        attn_mask=_bias(self, rel_pos_bias),
        dropout_p=self.attn_drop.p if self.training else 0.0,
        scale=self.scale,
    )
    outputs: Tensor = self.proj(mixed.transpose(1, 2).flatten(2))
    return self.proj_drop(outputs)


def _trains(*biases: Tensor | None) -> bool:
    given = (bias for bias in biases if bias is not None)
    return torch.is_grad_enabled() and any(b.requires_grad for b in given)


def _projected(layer: nn.Module, x: Tensor) -> Tensor:
    if layer.bias != 'qv_bias':
        result: Tensor = layer.qkv(x)
        return result
    zeros = torch.zeros_like(layer.v_bias, requires_grad=False)
    bias = torch.cat([layer.q_bias, zeros, layer.v_bias])
    return F.linear(x, layer.qkv.weight, bias)


def _bias(
    layer: nn.Module, shared: Tensor | None
) -> Tensor | None:  # shape: (1, heads, tokens, tokens)
    bias = shared
    if layer.relative_position_bias_table is not None:
        table = layer.relative_position_bias_table
        bias = table[layer.relative_position_index].permute(2, 0, 1)
        bias = bias if shared is None else bias + shared
    return None if bias is None else bias.contiguous().unsqueeze(0)
