# Copyright (c) gps_seg contributors. Apache-2.0.
"""The kinds of additions; each is a class in one file and one row below."""

from collections.abc import Mapping

from gps_seg.additions.addition import Addition
from gps_seg.additions.kinds.bottleneck import Bottleneck
from gps_seg.additions.kinds.low_rank import LowRank
from gps_seg.additions.kinds.peft_tuner import PeftTuner
from gps_seg.additions.kinds.prompts import Prompts
from gps_seg.additions.kinds.sub_token_gradient import SubTokenGradient

#: Class of each kind. The names are in files: they must not change.
ADDITIONS: Mapping[str, type[Addition]] = {
    'low_rank': LowRank,
    'bottleneck': Bottleneck,
    'prompts': Prompts,
    'peft_tuner': PeftTuner,
    'sub_token_gradient': SubTokenGradient,
}
