# Copyright (c) gps_seg contributors. Apache-2.0.
"""What the info of a derived delta says."""

from dataclasses import replace

import pytest
import torch

from gps_seg.delta import extract
from gps_seg.runs.deltas.combine import combine_tasks


@pytest.mark.parametrize(
    ('seeds', 'expected'), [((7, 7), 7), ((7, 8), None), ((7, None), None)]
)
def test_a_sum_of_one_base_has_its_seed(seeds, expected):
    base = {'weight': torch.zeros(3)}
    delta = extract(base, {'weight': torch.ones(3)})
    deltas = [
        replace(delta, info=replace(delta.info, seed=seed)) for seed in seeds
    ]
    assert combine_tasks(base, deltas, [1, 1]).info.seed == expected
