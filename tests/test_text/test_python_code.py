# Copyright (c) gps_seg contributors. Apache-2.0.
"""Values as code: read back as they were, in lines that can be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gps_seg.text.python_code import WIDTH, assignment

LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
KEYS = st.sampled_from(['type', 'scale', 'transforms', 'a', 'longer_name'])
VALUES = st.recursive(
    LEAVES,
    lambda values: (
        st.lists(values, max_size=4)
        | st.lists(values, max_size=4).map(tuple)
        | st.dictionaries(KEYS, values, max_size=4)
    ),
    max_leaves=20,
)


@given(VALUES)
def test_the_code_gives_the_value_again(value):
    names = {}
    exec(assignment('value', value), names)
    assert names['value'] == value
    assert type(names['value']) is type(value)


def test_short_values_stay_on_one_line():
    assert assignment('size', (252, 252)) == 'size = (252, 252)'


def test_a_dictionary_keeps_the_order_of_its_keys():
    text = assignment('x', dict(type='Resize', scale=(1, 2), keep=False))
    assert text == "x = dict(type='Resize', scale=(1, 2), keep=False)"


@pytest.mark.parametrize('extra', range(12))
def test_no_line_is_too_long_and_none_is_wrapped_without_need(extra):
    value = [dict(type='A' * (30 + extra), name='b' * 30), 'c' * 60]
    lines = assignment('pipeline', value).splitlines()
    assert all(len(line) <= WIDTH for line in lines)
    whole = f'    dict(type={"A" * (30 + extra)!r}, name={"b" * 30!r}),'
    assert (whole in lines) == (len(whole) <= WIDTH)
