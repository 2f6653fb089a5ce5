# Copyright (c) gps_seg contributors. Apache-2.0.
"""The kinds of additions; each is a class in one file and one row below."""

from collections.abc import Mapping

from gps_seg.additions.addition import Addition
from gps_seg.additions.kinds.bottleneck import Bottleneck
from gps_seg.additions.kinds.complete_pass import CompletePass
from gps_seg.additions.kinds.linear_bottleneck import LinearBottleneck
from gps_seg.additions.kinds.low_rank import LowRank
from gps_seg.additions.kinds.prompts import Prompts
from gps_seg.additions.kinds.stream_bottleneck import StreamBottleneck
from gps_seg.additions.kinds.token_refinement import TokenRefinement
from gps_seg.additions.kinds.token_selection import TokenSelection

#: Class of each kind. The names are in files: they must not change.
ADDITIONS: Mapping[str, type[Addition]] = {
    'low_rank': LowRank,
    'bottleneck': Bottleneck,
    'linear_bottleneck': LinearBottleneck,
    'stream_bottleneck': StreamBottleneck,
    'prompts': Prompts,
    'token_refinement': TokenRefinement,
    'token_selection': TokenSelection,
    'complete_pass': CompletePass,
}
