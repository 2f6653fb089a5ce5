# Copyright (c) gps_seg contributors. Apache-2.0.
"""How often ``torch.compile`` gave up or started again."""

from typing import NamedTuple

import torch
from torch._dynamo.utils import (
    clear_compilation_metrics,
    counters,
    get_compilation_metrics,
    set_compilation_metrics_limit,
)

# PyTorch keeps 64; a host may have more frames.
_MOST_FRAMES = 4096


class Compilation(NamedTuple):
    """What the compiler did in the steps of one visit.

    Args:
        graphs: Number of compiled graphs.
        breaks: Number of places that it could not compile.
        again: Number of frames that it compiled again.
    """

    graphs: int
    breaks: int
    again: int


def start_compiling() -> None:
    """Forget all that is compiled or counted so far."""
    torch._dynamo.reset()
    counters.clear()
    clear_compilation_metrics()
    set_compilation_metrics_limit(_MOST_FRAMES)


def read_compilation() -> Compilation:
    """Count what was compiled since :func:`start_compiling`."""
    frames = get_compilation_metrics()
    return Compilation(
        counters['stats']['unique_graphs'],
        sum(counters['graph_break'].values()),
        sum(frame.recompile_reason is not None for frame in frames),
    )
