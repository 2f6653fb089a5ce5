# Copyright (c) gps_seg contributors. Apache-2.0.
"""Tuning methods under one contract: a method is one file and one row."""

from collections.abc import Callable, Mapping

from gps_seg.peft.bias import Bias
from gps_seg.peft.declared import release
from gps_seg.peft.full import Full
from gps_seg.peft.gps import GPS
from gps_seg.peft.grft import GRFT
from gps_seg.peft.linear import Linear
from gps_seg.peft.method import (
    Choice,
    PeftMethod,
    build_from,
    build_method,
    check_keys,
)
from gps_seg.peft.ownership import owned_by
from gps_seg.peft.selecting import passed_over
from gps_seg.peft.sift import SIFT
from gps_seg.peft.trainable import Trainable, weights_to_select
from gps_seg.peft.tuning import tune

METHODS: Mapping[str, Callable[..., PeftMethod]] = {
    'gps': GPS,
    'sift': SIFT,
    'grft': GRFT,
    'bias': Bias,
    'linear': Linear,
    'full': Full,
}

__all__ = [
    'METHODS',
    'Bias',
    'Choice',
    'Full',
    'GPS',
    'GRFT',
    'Linear',
    'PeftMethod',
    'SIFT',
    'Trainable',
    'build_from',
    'build_method',
    'check_keys',
    'owned_by',
    'passed_over',
    'release',
    'tune',
    'weights_to_select',
]
