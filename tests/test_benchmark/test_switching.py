# Copyright (c) gps_seg contributors. Apache-2.0.
"""The benchmark of switching deltas measures what it says."""

from itertools import pairwise

import pytest
import torch

from gps_seg.benchmark import switching
from gps_seg.benchmark.switching import measure_switching

#: Outputs of the linear maps in a block of `tiny`, times 4, and its patches.
NEURONS = 4 * (3 * 32 + 32 + 64 + 32) + 32


@pytest.mark.parametrize('k', [1, 3])
def test_the_numbers_of_entries_are_counted(k):
    measured = measure_switching('tiny', k=k, repeats=1)
    assert measured['selected'] == k * NEURONS
    assert measured['whole'] == NEURONS
    times = {
        name: measured[name]
        for name in ('first_apply', 'apply', 'revert', 'switch')
    }
    assert all(0 < one.best <= one.median for one in times.values())


def test_every_operation_is_timed_as_often_as_asked(monkeypatch):
    calls = []
    for name in ('apply', 'revert', 'switch'):
        original = getattr(switching, name)

        def counted(*arguments, name=name, original=original):
            calls.append((name, *map(id, arguments[1:])))
            original(*arguments)

        monkeypatch.setattr(switching, name, counted)
    measure_switching('tiny', repeats=4)
    names = [name for name, *_ in calls]
    assert names.count('switch') == 2 + 2 * 4
    assert names.count('apply') == 1 + 4
    deltas = [delta for name, delta in calls[:11] if name == 'switch']
    assert all(a != b for a, b in pairwise(deltas))


def test_the_neurons_of_a_weight_share_few_columns():
    generator = torch.Generator().manual_seed(0)
    entries = switching._entries(torch.zeros(300, 5, 20), 2, generator)
    rows, columns = entries // 100, entries % 100
    assert rows.tolist() == sorted([*range(300)] * 2)
    assert len(columns.unique()) == 9
    assert len(entries.unique()) == 600


def test_another_architecture_is_refused():
    with pytest.raises(ValueError, match="arch: expected .* got 'vit'"):
        measure_switching('vit')
