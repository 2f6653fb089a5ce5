# Copyright (c) gps_seg contributors. Apache-2.0.
"""Places in an encoder where something can be added.

These are its linear maps, its blocks, and the tokens before the patches. They
are recognised by structure: by attributes, child modules and shapes.
"""

from gps_seg.additions.places.blocks import Block, blocks
from gps_seg.additions.places.chosen_maps import choose_maps, maps_among
from gps_seg.additions.places.linear_maps import (
    KINDS,
    LinearMap,
    linear_maps,
)
from gps_seg.additions.places.packed import (
    PackedAttention,
    packed_attention,
)
from gps_seg.additions.places.prefix_tokens import num_prefix_tokens
from gps_seg.additions.places.stream_entries import (
    StreamEntry,
    stream_entries,
)
from gps_seg.additions.places.token_sequences import token_blocks
from gps_seg.additions.places.windows import window_attentions

__all__ = [
    'KINDS',
    'LinearMap',
    'linear_maps',
    'choose_maps',
    'maps_among',
    'Block',
    'blocks',
    'num_prefix_tokens',
    'StreamEntry',
    'stream_entries',
    'token_blocks',
    'window_attentions',
    'PackedAttention',
    'packed_attention',
]
