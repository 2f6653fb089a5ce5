"""A plan is plain data, and comes back from it."""

import json

import pytest

from gps_seg.additions import Added, Place, Plan

ONE = Added('low_rank', Place('a.weight'), {'rank': 2, 'scale': 1.0})
PART = Added(
    'low_rank', Place('b.in_proj_weight', (0, 8)), {'rank': 2, 'scale': 1.0}
)
OTHER = Added('low_rank', Place('c.weight'), {'rank': 3, 'scale': 1.0})
TOKENS = Added(
    'prompts', Place('layers.0'), {'shape': [2, 8], 'prefix': 1, 'bound': 0.1}
)
PLAN = Plan([ONE, PART, OTHER, TOKENS])


def test_a_plan_comes_back_from_the_text_of_a_file():
    assert Plan.from_json(json.loads(json.dumps(PLAN.to_json()))) == PLAN


def test_equal_settings_are_written_once():
    groups = PLAN.to_json()
    assert [group['at'] for group in groups] == [
        ['a.weight', 'b.in_proj_weight[0:8]'],
        ['c.weight'],
        ['layers.0'],
    ]


def test_the_order_in_which_additions_are_given_does_not_matter():
    assert Plan([TOKENS, OTHER, PART, ONE]) == PLAN
    assert list(Plan([TOKENS, ONE])) == [ONE, TOKENS]


def test_one_place_has_one_addition_of_a_kind():
    again = Added('low_rank', Place('a.weight'), {'rank': 4, 'scale': 1.0})
    with pytest.raises(ValueError, match='one low_rank at a place, got two'):
        Plan([ONE, again])
    assert len(Plan([ONE, Added('bottleneck', ONE.place, {})])) == 2


@pytest.mark.parametrize(
    'record',
    [
        None,
        {},
        'low_rank',
        [None],
        [{'kind': 'low_rank', 'settings': {}}],
        [{'kind': 1, 'settings': {}, 'at': []}],
        [{'kind': 'low_rank', 'settings': [], 'at': []}],
        [{'kind': 'low_rank', 'settings': {1: 2}, 'at': []}],
        [{'kind': 'low_rank', 'settings': {}, 'at': 'a'}],
        [{'kind': 'low_rank', 'settings': {}, 'at': [1]}],
        [{'kind': 'low_rank', 'settings': {}, 'at': [], 'code': 'x'}],
    ],
)
def test_a_malformed_record_is_refused(record):
    with pytest.raises(ValueError, match='expected a list of objects with'):
        Plan.from_json(record)


@pytest.mark.parametrize('text', ['a[', 'a[1]', 'a[1:]', 'a[b:c]', 'a[1:2]b'])
def test_a_malformed_place_is_refused(text):
    with pytest.raises(ValueError, match='expected a place such as'):
        Place.of(text)
