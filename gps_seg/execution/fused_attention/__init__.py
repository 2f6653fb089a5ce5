# Copyright (c) gps_seg contributors. Apache-2.0.
"""Attention that never forms its matrix of tokens x tokens.

``softmax(Q K^T / sqrt(d) + B) V`` is computed block by block, by PyTorch's
``scaled_dot_product_attention``. With 1025 tokens and 12 heads the matrix has
48 MiB, and the layers as written keep it for the backward pass.
"""

from gps_seg.execution.fused_attention.fusing import (
    FusedAttention,
    fuse_attention,
)

__all__ = ['FusedAttention', 'fuse_attention']
