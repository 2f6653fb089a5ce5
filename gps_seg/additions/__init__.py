# Copyright (c) gps_seg contributors. Apache-2.0.
"""What a method adds to a model, in plain PyTorch.

The main names are below; everything else is imported from its module.
"""

from gps_seg.additions.addition import Addition, NotMergeableError, is_added
from gps_seg.additions.attaching import (
    additions_of,
    attach,
    attached,
    beside,
    detach,
    plan_of,
)
from gps_seg.additions.building import prefix_of, shapes_of
from gps_seg.additions.coding import coded
from gps_seg.additions.linear_form import LinearForm
from gps_seg.additions.merging import folded, merge
from gps_seg.additions.plan import Added, Place, Plan

__all__ = [
    # what is added, as data
    'Added',
    'Place',
    'Plan',
    # to a model and back
    'attach',
    'attached',
    'detach',
    'merge',
    'folded',
    'additions_of',
    'plan_of',
    'beside',
    'is_added',
    'prefix_of',
    'shapes_of',
    'coded',
    # the kinds
    'Addition',
    'LinearForm',
    'NotMergeableError',
]
