# Copyright (c) gps_seg contributors. Apache-2.0.
"""Deltas: a task as a small file, applied to a base and reverted exactly.

These are the names for daily use. Other classes, such as
:class:`~gps_seg.delta.change.Change` and
:class:`~gps_seg.delta.baseline.Baseline`, are imported from their modules.
"""

from gps_seg.delta.application import applied, apply, forget, revert, switch
from gps_seg.delta.combination import combine, scaled
from gps_seg.delta.delta import Delta
from gps_seg.delta.extraction import extract
from gps_seg.delta.format.container import is_container as is_delta
from gps_seg.delta.info import DeltaInfo
from gps_seg.delta.lossy import quantized, rounded
from gps_seg.delta.merging import merged_state
from gps_seg.delta.overlap import overlap

__all__ = [
    'Delta',
    'DeltaInfo',
    'applied',
    'apply',
    'combine',
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
