# Copyright (c) gps_seg contributors. Apache-2.0.
"""What a method adds to a model, in plain PyTorch.

The main names are below; everything else is imported from its module.
"""

from gps_seg.additions.addition import Addition, NotMergeableError
from gps_seg.additions.attaching import attach, attached, detach
from gps_seg.additions.building import shapes_of
from gps_seg.additions.hosts import added_names
from gps_seg.additions.inspecting import additions_of, beside, plan_of
from gps_seg.additions.linear_form import LinearForm
from gps_seg.additions.merging import folded, merge
from gps_seg.additions.names import is_added
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
    'added_names',
    'is_added',
    'shapes_of',
    # the kinds
    'Addition',
    'LinearForm',
    'NotMergeableError',
]
