# Copyright (c) gps_seg contributors. Apache-2.0.
"""Deltas: a task is a small file that goes on and off a base, exactly."""

from gps_seg.delta.application import (
    applied,
    applied_delta,
    apply,
    forget,
    revert,
    switch,
)
from gps_seg.delta.base.matching import base_values
from gps_seg.delta.baseline import Baseline
from gps_seg.delta.change import Change, digest
from gps_seg.delta.combination import combine, scaled
from gps_seg.delta.delta import Delta
from gps_seg.delta.extraction import delta_between, extract
from gps_seg.delta.format.container import is_container as is_delta
from gps_seg.delta.info import DeltaInfo
from gps_seg.delta.merging import merged_state
from gps_seg.delta.overlap import Overlap, overlap
from gps_seg.delta.quantization import quantized
from gps_seg.delta.rounding import rounded
from gps_seg.delta.values import Coded, Exact

__all__ = [
    'Baseline',
    'Change',
    'Coded',
    'Delta',
    'DeltaInfo',
    'Exact',
    'Overlap',
    'applied',
    'applied_delta',
    'apply',
    'base_values',
    'combine',
    'delta_between',
    'digest',
    'extract',
    'forget',
    'is_delta',
    'merged_state',
    'overlap',
    'quantized',
    'revert',
    'rounded',
    'scaled',
    'switch',
]
