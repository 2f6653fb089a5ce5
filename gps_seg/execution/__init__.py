# Copyright (c) gps_seg contributors. Apache-2.0.
"""How a host runs: the same function for less time or memory.

Nothing here changes a class, a parameter, a state-dict key or a hook of the
model, and every change can be undone.
"""

from gps_seg.execution.fused_attention import FusedAttention, fuse_attention
from gps_seg.execution.instance_forward import plain_forwards
from gps_seg.execution.recomputation.recomputed import (
    RecomputedMlps,
    recompute_mlps,
)

__all__ = [
    'FusedAttention',
    'RecomputedMlps',
    'fuse_attention',
    'plain_forwards',
    'recompute_mlps',
]
