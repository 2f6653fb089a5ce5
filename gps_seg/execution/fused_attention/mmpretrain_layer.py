# Copyright (c) gps_seg contributors. Apache-2.0.
"""The forward of MMPretrain's attention layer (ViT, DeiT, DINOv2).

Its class calls the fused kernel already, by a reference of its own. It takes
q, k and v one by one from their projection; the backward pass then fills a
tensor of all three for each, and adds these up. Here they are taken at once.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from gps_seg.execution.fused_attention.product_gradient import attend


def forward(
    self: nn.Module,
    x: Tensor,  # shape: (batch, tokens, width)
) -> Tensor:  # shape: (batch, tokens, width)
    """Outputs of the layer.

    It is the forward of the class for layers with a scale of their own, which
    form their matrix, and for those with a shortcut of the values.
    """
    kernel = F.scaled_dot_product_attention
    if self.v_shortcut or self.scaled_dot_product_attention is not kernel:
        result: Tensor = type(self).forward(self, x)
        return result
    qkv = self.qkv(x).unflatten(-1, (3, self.num_heads, -1))
    q, k, v = qkv.permute(2, 0, 3, 1, 4)
    dropout = self.attn_drop if self.training else 0.0
    mixed = attend(q, k, v, dropout_p=dropout)
    mixed = self.proj_drop(self.proj(mixed.transpose(1, 2).flatten(2)))
    outputs: Tensor = self.out_drop(self.gamma1(mixed))
    return outputs
