# Copyright (c) gps_seg contributors. Apache-2.0.
"""The kinds of additions; each is a class in one file and one row below."""

from collections.abc import Mapping

from gps_seg.additions.addition import Addition
from gps_seg.additions.kinds.features.depthwise_bottleneck import (
    DepthwiseBottleneck,
)
from gps_seg.additions.kinds.features.quantized_bottleneck import (
    QuantizedBottleneck,
)
from gps_seg.additions.kinds.features.scale_channels import ScaleChannels
from gps_seg.additions.kinds.features.stream_bottleneck import StreamBottleneck
from gps_seg.additions.kinds.maps.bottleneck import Bottleneck
from gps_seg.additions.kinds.maps.channel_mix import ChannelMix
from gps_seg.additions.kinds.maps.linear_bottleneck import LinearBottleneck
from gps_seg.additions.kinds.maps.low_rank import LowRank
from gps_seg.additions.kinds.maps.peft_tuner import PeftTuner
from gps_seg.additions.kinds.maps.scale_inputs import ScaleInputs
from gps_seg.additions.kinds.maps.scale_outputs import ScaleOutputs
from gps_seg.additions.kinds.maps.shared_low_rank import SharedLowRank
from gps_seg.additions.kinds.maps.sub_token_gradient import SubTokenGradient
from gps_seg.additions.kinds.tokens.carried_prompts import CarriedPrompts
from gps_seg.additions.kinds.tokens.complete_pass import CompletePass
from gps_seg.additions.kinds.tokens.key_value_prompts import KeyValuePrompts
from gps_seg.additions.kinds.tokens.prompts import Prompts
from gps_seg.additions.kinds.tokens.pruned_prompts import PrunedPrompts
from gps_seg.additions.kinds.tokens.token_refinement import TokenRefinement
from gps_seg.additions.kinds.tokens.token_selection import TokenSelection
from gps_seg.additions.kinds.tokens.window_prompts import WindowPrompts

#: Class of each kind. The names are in files: they must not change.
ADDITIONS: Mapping[str, type[Addition]] = {
    'low_rank': LowRank,
    'bottleneck': Bottleneck,
    'linear_bottleneck': LinearBottleneck,
    'stream_bottleneck': StreamBottleneck,
    'quantized_bottleneck': QuantizedBottleneck,
    'depthwise_bottleneck': DepthwiseBottleneck,
    'prompts': Prompts,
    'pruned_prompts': PrunedPrompts,
    'scale_outputs': ScaleOutputs,
    'scale_inputs': ScaleInputs,
    'scale_channels': ScaleChannels,
    'shared_low_rank': SharedLowRank,
    'carried_prompts': CarriedPrompts,
    'window_prompts': WindowPrompts,
    'key_value_prompts': KeyValuePrompts,
    'token_refinement': TokenRefinement,
    'channel_mix': ChannelMix,
    'token_selection': TokenSelection,
    'complete_pass': CompletePass,
    'peft_tuner': PeftTuner,
    'sub_token_gradient': SubTokenGradient,
}
