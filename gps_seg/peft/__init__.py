# Copyright (c) gps_seg contributors. Apache-2.0.
"""Tuning methods under one contract: a method is one file and one row."""

from collections.abc import Callable, Mapping

from gps_seg.peft.bias import Bias
from gps_seg.peft.declared import release
from gps_seg.peft.full import Full
from gps_seg.peft.gps import GPS
from gps_seg.peft.grft import GRFT
from gps_seg.peft.linear import Linear
from gps_seg.peft.method import Choice, PeftMethod, build_method
from gps_seg.peft.ownership import owned_by
from gps_seg.peft.sift import SIFT
from gps_seg.peft.trainable import Trainable, weights_to_select
from gps_seg.peft.tuning import tune

#: The methods by the ``type`` that a config gives.
METHODS: Mapping[str, Callable[..., PeftMethod]] = {
    'gps': GPS,
    'sift': SIFT,
    'grft': GRFT,
    'bias': Bias,
    'linear': Linear,
    'full': Full,
}

__all__ = [
    # tuning
    'tune',
    'Trainable',
    'release',
    # the methods
    'GPS',
    'SIFT',
    'GRFT',
    'Bias',
    'Linear',
    'Full',
    'METHODS',
    'build_method',
    # their contract
    'PeftMethod',
    'Choice',
    'owned_by',
    'weights_to_select',
]
