# Copyright (c) gps_seg contributors. Apache-2.0.
"""The 19 tasks of VTAB-1k.

The names are folders of the archive that the PEFT literature uses (NOAH, SSF,
GPS). Classes and test sets are those of VTAB (Zhai et al., arXiv:1910.04867);
the test sets are used whole.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class VTABTask(NamedTuple):
    """One of the tasks.

    Args:
        group: ``'natural'``, ``'specialized'`` or ``'structured'``.
        num_classes: Number of classes; labels are ``0 .. num_classes - 1``.
        num_test: Number of test images.
    """

    group: str
    num_classes: int
    num_test: int


VTAB_TASKS: Mapping[str, VTABTask] = MappingProxyType(
    {
        'cifar': VTABTask('natural', 100, 10_000),
        'caltech101': VTABTask('natural', 102, 6_084),
        'dtd': VTABTask('natural', 47, 1_880),
        'oxford_flowers102': VTABTask('natural', 102, 6_149),
        'oxford_iiit_pet': VTABTask('natural', 37, 3_669),
        'svhn': VTABTask('natural', 10, 26_032),
        'sun397': VTABTask('natural', 397, 21_750),
        'patch_camelyon': VTABTask('specialized', 2, 32_768),
        'eurosat': VTABTask('specialized', 10, 5_400),
        'resisc45': VTABTask('specialized', 45, 6_300),
        'diabetic_retinopathy': VTABTask('specialized', 5, 42_670),
        'clevr_count': VTABTask('structured', 8, 15_000),
        'clevr_dist': VTABTask('structured', 6, 15_000),
        'dmlab': VTABTask('structured', 6, 22_735),
        'kitti': VTABTask('structured', 4, 711),
        'dsprites_loc': VTABTask('structured', 16, 73_728),
        'dsprites_ori': VTABTask('structured', 16, 73_728),
        'smallnorb_azi': VTABTask('structured', 18, 12_150),
        'smallnorb_ele': VTABTask('structured', 9, 12_150),
    }
)
