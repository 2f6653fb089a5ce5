# Copyright (c) gps_seg contributors. Apache-2.0.
"""Attention that never forms its matrix of tokens x tokens.

``softmax(Q K^T / sqrt(d) + B) V`` by PyTorch's ``scaled_dot_product_attention``,
which computes it block by block. For an encoder of 1025 tokens and 12 heads
the matrix has 48 MiB, and the original layers keep one or two for each layer
until the backward pass.
"""

from gps_seg.execution.fused_attention.fusing import (
    FusedAttention,
    fuse_attention,
)

__all__ = ['FusedAttention', 'fuse_attention']
