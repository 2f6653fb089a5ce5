"""Indices survive their encoding, whatever they are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gps_seg.delta.format.indices import (
    IndexPlan,
    decode_indices,
    encode_indices,
    narrowest,
)

SHAPES = [(1,), (7,), (3, 4), (2, 300), (300, 2), (70000, 1), (2, 3, 4, 5)]


@given(st.data())
def test_any_indices_survive(data):
    shape = data.draw(st.sampled_from(SHAPES))
    size = int(np.prod(shape))
    chosen = data.draw(st.sets(st.integers(0, size - 1), max_size=40))
    indices = np.array(sorted(chosen), np.int64)
    plan, raw = encode_indices(indices, shape)
    plan.check()
    assert len(raw) == plan.num_bytes
    assert decode_indices(plan, raw).tolist() == indices.tolist()


def test_equal_rows_are_not_written():
    plan, raw = encode_indices(np.array([2, 702, 1402]), (3, 700))
    assert (plan.columns, plan.per_row) == (1, 1)
    assert len(raw) == 2 + 3  # one column of two bytes, three positions


@pytest.mark.parametrize(
    ('largest', 'size'),
    [(-1, 1), (255, 1), (256, 2), (65535, 2), (65536, 4), (2**32, 8)],
)
def test_the_narrowest_type_is_taken(largest, size):
    assert narrowest(largest).itemsize == size
    assert narrowest(largest).kind == 'u'


@pytest.mark.parametrize(
    ('plan', 'raw', 'message'),
    [
        (IndexPlan((2, 3), 1, 1, 0), [3, 0, 0], r'columns in \[0, 3\)'),
        (IndexPlan((2, 3), 1, 1, 0), [0, 1, 0], r'positions in \[0, 1\)'),
        (IndexPlan((2, 3), 1, 1, 0), [0, 0, 2], r'rows in \[0, 2\)'),
    ],
)
def test_an_index_outside_the_tensor_is_refused(plan, raw, message):
    with pytest.raises(ValueError, match=message):
        decode_indices(plan, bytes(raw))


@pytest.mark.parametrize(
    ('plan', 'message'),
    [
        (IndexPlan((), 1, 1, 0), 'shape: expected one or more axes'),
        (IndexPlan((2**40, 2**40), 1, 1, 0), 'shape: expected'),
        (IndexPlan((2, 9), 1, 2, 0), 'columns: expected'),
        (IndexPlan((2, 3), 9, 4, 0), 'columns: expected'),
        (IndexPlan((2, 3), 3, 1, 1), 'per_row: expected 3 entries'),
    ],
)
def test_an_impossible_plan_is_refused(plan, message):
    with pytest.raises(ValueError, match=message):
        plan.check()
