# Copyright (c) gps_seg contributors. Apache-2.0.
"""Data sets, their conversion, and augmentation that obeys the seed."""

from gps_seg.stack import require_openmmlab

require_openmmlab()

from gps_seg.datasets.kvasir_seg import KvasirSEGDataset
from gps_seg.datasets.kvasir_seg_converter import (
    convert_kvasir_seg,
)
from gps_seg.datasets.polyp_dataset import PolypDataset
from gps_seg.datasets.split_lists import SplitLists
from gps_seg.datasets.transforms import ReproducibleAlbu

__all__ = [
    'KvasirSEGDataset',
    'PolypDataset',
    'ReproducibleAlbu',
    'SplitLists',
    'convert_kvasir_seg',
]
