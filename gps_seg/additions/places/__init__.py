# Copyright (c) gps_seg contributors. Apache-2.0.
"""Places in an encoder where something can be added.

These are its linear maps, its blocks, and the tokens before the patches. They
are recognised by structure: by attributes, child modules and shapes.
"""

from gps_seg.additions.places.blocks import Block, blocks
from gps_seg.additions.places.linear_maps import (
    KINDS,
    LinearMap,
    choose_maps,
    linear_maps,
)
from gps_seg.additions.places.prefix_tokens import num_prefix_tokens
from gps_seg.additions.places.stream_entries import (
    StreamEntry,
    stream_entries,
)

__all__ = [
    'KINDS',
    'LinearMap',
    'linear_maps',
    'choose_maps',
    'Block',
    'blocks',
    'num_prefix_tokens',
    'StreamEntry',
    'stream_entries',
]
