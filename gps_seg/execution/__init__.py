# Copyright (c) gps_seg contributors. Apache-2.0.
"""How a host runs: the same function for less time or memory.

Nothing here changes a class, a parameter, a state-dict key or a hook of the
model, and every change can be undone.
"""

from gps_seg.execution.compiled import CompiledParts, compile_parts
from gps_seg.execution.fused_attention import FusedAttention, fuse_attention
from gps_seg.execution.instance_forward import plain_forwards
from gps_seg.execution.recomputation.recomputed_blocks import (
    RecomputedBlocks,
    recompute_blocks,
)
from gps_seg.execution.recomputation.recomputed_mlps import (
    RecomputedMlps,
    recompute_mlps,
)

__all__ = [
    'CompiledParts',
    'FusedAttention',
    'RecomputedBlocks',
    'RecomputedMlps',
    'compile_parts',
    'fuse_attention',
    'plain_forwards',
    'recompute_blocks',
    'recompute_mlps',
]
