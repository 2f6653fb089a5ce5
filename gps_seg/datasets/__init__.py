# Copyright (c) gps_seg contributors. Apache-2.0.
"""Data sets, their conversion, and augmentation that obeys the seed."""

from gps_seg.stack import require_openmmlab

require_openmmlab()

from gps_seg.datasets.ade20k import CheckedADE20KDataset
from gps_seg.datasets.classification import (
    CUB200,
    NABirds,
    OxfordFlowers,
    StanfordCars196,
    StanfordDogs,
    VTAB1k,
)
from gps_seg.datasets.conversion.ade20k import (
    check_ade20k,
    convert_ade20k,
)
from gps_seg.datasets.conversion.flowers102 import convert_flowers102
from gps_seg.datasets.conversion.kvasir_seg import (
    convert_kvasir_seg,
)
from gps_seg.datasets.conversion.polyps import convert_polyps
from gps_seg.datasets.conversion.pranet import convert_pranet
from gps_seg.datasets.corruptions import Corrupt
from gps_seg.datasets.kvasir_seg import KvasirSEGDataset
from gps_seg.datasets.label_checks import CheckLabels
from gps_seg.datasets.limited_size import LimitPixels, MaskAtImageSize
from gps_seg.datasets.own_folder import FolderDataset, LoadMask
from gps_seg.datasets.polyp_dataset import PolypDataset
from gps_seg.datasets.split_lists import SplitLists
from gps_seg.datasets.transforms import ReproducibleAlbu

__all__ = [
    'CUB200',
    'CheckLabels',
    'CheckedADE20KDataset',
    'Corrupt',
    'FolderDataset',
    'KvasirSEGDataset',
    'LimitPixels',
    'MaskAtImageSize',
    'LoadMask',
    'NABirds',
    'OxfordFlowers',
    'PolypDataset',
    'ReproducibleAlbu',
    'SplitLists',
    'StanfordCars196',
    'StanfordDogs',
    'VTAB1k',
    'check_ade20k',
    'convert_ade20k',
    'convert_flowers102',
    'convert_kvasir_seg',
    'convert_polyps',
    'convert_pranet',
]
