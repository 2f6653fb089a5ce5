# Copyright (c) gps_seg contributors. Apache-2.0.
"""The words of the demo agree with its numbers, good or bad."""

from types import SimpleNamespace

import pytest

from gps_seg.evaluation import ImageScore
from gps_seg.runs.demo.report import (
    format_matrix,
    format_switch,
    headline,
    same_scores,
)
from gps_seg.runs.demo.story import Outcome
from gps_seg.runs.side_by_side.live_switch import LiveSwitch

DICE = {
    'nothing': {'source': 90.0, 'A': 37.0, 'B': 28.0},
    'delta A': {'source': 12.0, 'A': 77.0, 'B': 55.0},
    'delta B': {'source': 20.0, 'A': 30.0, 'B': 86.0},
    'full tuning A': {'source': 8.0, 'A': 81.0, 'B': 50.0},
}
SIZES = {'delta A': 88_400, 'delta B': 88_600, 'full tuning A': 3_422_000}


def two_images(mean):
    return [ImageScore('a', mean - 5, 0.0), ImageScore('b', mean + 5, 0.0)]


def outcome(after='00ff', trained=77.0):
    matrix = {
        state: {place: two_images(dice) for place, dice in row.items()}
        for state, row in DICE.items()
    }
    times = {'apply': 12.34, 'switch': 5.06, 'revert': 0.92}
    gps = SimpleNamespace(scores={'image_mDice': trained})
    return Outcome(
        {'gps': gps}, matrix, SIZES, LiveSwitch(times, '00ff', after), {}
    )


def test_matrix_has_a_line_per_state_and_the_size_of_its_file():
    assert format_matrix(outcome().matrix, SIZES).splitlines() == [
        'on the base    source     A     B      file',
        'nothing          90.0  37.0  28.0         -',
        'delta A          12.0  77.0  55.0     88 kB',
        'delta B          20.0  30.0  86.0     89 kB',
        'full tuning A     8.0  81.0  50.0  3,422 kB',
    ]


def test_headline_says_what_each_file_is_worth():
    assert ' '.join(headline(outcome()).split()) == (
        'One base serves three hospitals. With a file of 89 kB on top it '
        'scores 77.0 at A (37.0 without it), with another one 86.0 at B (28.0 '
        'without it). Taken off, they leave the base the same to the last '
        'bit: it scores 90.0 at the source, where a model tuned in full for A '
        'scores 8.0 and takes 3,422 kB.'
    )


@pytest.mark.parametrize(
    ('after', 'sign', 'verdict', 'words'),
    [
        ('00ff', '=', 'equal to the last bit', 'the base the same to the'),
        ('00fe', '!=', 'DIFFERENT', 'the base NOT the same to the'),
    ],
)
def test_a_base_that_differs_is_reported(after, sign, verdict, words):
    found = outcome(after)
    text = format_switch(found.switched)
    assert f'00ff before {sign} {after} after, {verdict}' in text
    assert 'apply A 12.3 ms' in text
    assert 'switch to B 5.1 ms, revert 0.9 ms' in text
    assert words in ' '.join(headline(found).split())


@pytest.mark.parametrize(
    ('trained', 'verdict'), [(77.0, 'equal.'), (77.00001, 'DIFFERENT.')]
)
def test_a_file_that_scores_something_else_is_reported(trained, verdict):
    assert same_scores(outcome(trained=trained)).endswith(verdict)
