# Copyright (c) gps_seg contributors. Apache-2.0.
"""How a host runs: the same function for less time or memory.

Nothing here changes a class, a parameter, a state-dict key or a hook of the
model, and every change can be undone.
"""

from gps_seg.execution.recomputation.recomputed import (
    RecomputedMlps,
    recompute_mlps,
)

__all__ = ['recompute_mlps', 'RecomputedMlps']
