"""Means of Dice and IoU that can belong together, and those that cannot."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gps_seg.text.dice_and_iou import is_possible, require_possible_scores

COUNT = st.integers(0, 10_000)


def of_one_image(found, wrong, missed):
    """Dice and IoU in percent from pixels; 100 where there are none."""
    if found + wrong + missed == 0:
        return 100.0, 100.0
    dice = 2 * found / (2 * found + wrong + missed)
    return 100 * dice, 100 * found / (found + wrong + missed)


def test_the_published_pair_is_refused():
    """IoU 72.5 allows at most 2 * 0.725 / 1.725 = 84.06."""
    expected = 'mDice and mIoU: expected Dice from 72.5 to 84.1'
    with pytest.raises(ValueError, match=expected) as info:
        require_possible_scores({'mDice': 88.1, 'mIoU': 72.5}, 'table 2')

    message = str(info.value)
    assert 'got 88.1 (table 2)' in message
    assert 'IoU <= Dice <= 2 IoU / (1 + IoU)' in message


def test_dice_below_iou_is_refused_and_the_other_way_round_is_not():
    assert not is_possible(dice=55.2, iou=55.7)
    assert is_possible(dice=55.7, iou=55.2)


@given(st.lists(st.tuples(COUNT, COUNT, COUNT), min_size=1))
def test_means_over_real_images_always_pass(images):
    dice, iou = np.mean([of_one_image(*image) for image in images], axis=0)

    assert is_possible(dice, iou)
    assert is_possible(round(dice, 1), round(iou, 1))


@given(st.lists(st.tuples(*[st.tuples(COUNT, COUNT, COUNT)] * 3), min_size=1))
def test_the_greatest_means_over_thresholds_pass_too(images):
    curves = np.mean(
        [[of_one_image(*each) for each in image] for image in images], axis=0
    )

    assert is_possible(*curves.max(axis=0))
    assert is_possible(*curves.mean(axis=0))


@given(st.floats(0, 100), st.floats(0.2, 20))
def test_what_is_further_out_than_rounding_explains_is_refused(iou, excess):
    most = 200 * iou / (100 + iou)

    assert is_possible(most, iou)
    assert is_possible(iou, iou)
    assert not is_possible(most + excess, iou)
    assert not is_possible(iou - excess, iou)


def test_figures_may_be_rounded_to_one_decimal():
    """84.09 and 72.54 are possible, and so is how they are printed."""
    assert 84.09 < 2 * 72.55 / 1.7255 < 84.10
    assert is_possible(84.1, 72.5)
    assert not is_possible(84.2, 72.5)
    assert is_possible(72.5, 72.6)
    assert not is_possible(72.4, 72.6)


@pytest.mark.parametrize(
    'scores',
    [
        {'mDice': 88.1},
        {'mDice': 88.1, 'image_mIoU': 72.5},
        {'mDice': 88.1, 'mIoU': None},
        {'Dice.tool': math.nan, 'IoU.tool': 72.5},
        {'Dice.tool': 50.0, 'IoU.tool': math.nan},
        {'aAcc': 88.1, 'mIoU': 95.0},
        {},
    ],
)
def test_scores_without_a_pair_pass(scores):
    require_possible_scores(scores, 'run')


@pytest.mark.parametrize(
    ('dice', 'iou'),
    [
        ('image_mDice', 'image_mIoU'),
        ('Dice.polyp', 'IoU.polyp'),
        ('polyp/threshold_max_mDice', 'polyp/threshold_max_mIoU'),
        ('Dice.Dice', 'IoU.Dice'),
    ],
)
def test_pairs_are_found_by_their_names(dice, iou):
    with pytest.raises(ValueError, match=f'{dice} and {iou}: '):
        require_possible_scores({iou: 72.5, dice: 88.1}, 'run')
