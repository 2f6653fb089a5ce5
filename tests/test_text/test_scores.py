# Copyright (c) gps_seg contributors. Apache-2.0.
"""Every score is of the whole task or of one class."""

import pytest

from gps_seg.text.scores import by_class, is_of_a_class, overall

METRIC = {'mDice': 1.0, 'Dice.polyp': 2.0, 'IoU.polyp': 3.0, 'Dice.x.y': 4.0}


def test_every_score_is_of_the_task_or_of_a_class():
    assert overall(METRIC) == {'mDice': 1.0}
    kinds, values = by_class(METRIC)
    assert kinds == ['Dice', 'IoU']
    assert values == {
        'polyp': {'Dice': 2.0, 'IoU': 3.0},
        'x.y': {'Dice': 4.0},
    }


@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        ('Dice.polyp', True),
        ('val/IoU.polyp', True),
        ('Dice.door/window', True),
        ('IoU.Dice.x', True),
        ('mDice', False),
        ('image_mDice', False),
        ('accuracy/top1', False),
        ('Dice', False),
        ('Dice.', False),
    ],
)
def test_a_class_may_be_called_anything(name, expected):
    assert is_of_a_class(name) is expected
    assert (by_class({name: 1.0}) != ([], {})) is expected


def test_the_class_is_what_follows_the_first_kind():
    _, values = by_class({'val/IoU.door/window': 5.0, 'Dice.IoU.x': 6.0})
    assert values == {'door/window': {'IoU': 5.0}, 'IoU.x': {'Dice': 6.0}}
