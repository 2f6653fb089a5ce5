# Copyright (c) gps_seg contributors. Apache-2.0.
"""Data sets for image classification with MMPretrain."""

from gps_seg.datasets.classification.fgvc import (
    CUB200,
    OxfordFlowers,
    StanfordCars196,
)
from gps_seg.datasets.classification.nabirds import NABirds
from gps_seg.datasets.classification.stanford_dogs import StanfordDogs
from gps_seg.datasets.classification.vtab1k import VTAB1k
from gps_seg.datasets.classification.vtab_tasks import VTAB_TASKS

__all__ = [
    'CUB200',
    'NABirds',
    'OxfordFlowers',
    'StanfordCars196',
    'StanfordDogs',
    'VTAB1k',
    'VTAB_TASKS',
]
