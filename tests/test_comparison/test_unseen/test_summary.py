# Copyright (c) gps_seg contributors. Apache-2.0.
"""Intervals of a test on several data sets, from their definition."""

import numpy as np
import pytest
from synthetic_runs import set_scores

from gps_seg.comparison.intervals import mean_interval, unpaired_difference
from gps_seg.comparison.unseen.summary import Facts, summarise_sets

DRAWS = 4000


def drawn_means(values, members, generator):
    """The definition: draw groups with replacement, average their images."""
    names = np.unique(members)
    images = [np.nonzero(members == name)[0] for name in names]
    draws = generator.integers(len(names), size=(DRAWS, len(names)))
    return np.array(
        [
            values[np.concatenate([images[group] for group in drawn])].mean()
            for drawn in draws
        ]
    )


def ends(drawn):
    return np.percentile(drawn, [2.5, 97.5])


def dice_of(seed, level=80, number=30):
    return np.random.default_rng(seed).normal(level, 6, number)


@pytest.mark.parametrize('videos', [0, 6])
def test_the_interval_of_a_mean_is_that_of_drawn_groups(videos):
    dice = dice_of(1)
    if videos:
        members = np.arange(30) % videos
        dice += 8 * members  # images of a video are alike
    else:
        members = np.arange(30)
    groups = {f'image{i}': str(m) for i, m in enumerate(members)}
    found = mean_interval(set_scores(dice), 'Dice', groups if videos else None)
    low, high = ends(drawn_means(dice, members, np.random.default_rng(9)))
    assert found.mean == pytest.approx(dice.mean())
    # The ends of 4,000 draws scatter by about 2 % of the interval.
    assert found.low == pytest.approx(low, abs=0.08 * (high - low))
    assert found.high == pytest.approx(high, abs=0.08 * (high - low))


def test_different_images_are_drawn_independently():
    one, other = dice_of(1), dice_of(2, level=70, number=30)
    found = unpaired_difference(set_scores(one), set_scores(other), 'Dice')
    generator = np.random.default_rng(9)
    everyone = np.arange(30)
    drawn = drawn_means(one, everyone, generator)
    low, high = ends(drawn - drawn_means(other, everyone, generator))
    assert found.mean == pytest.approx(one.mean() - other.mean())
    assert found.low == pytest.approx(low, abs=0.08 * (high - low))
    assert found.high == pytest.approx(high, abs=0.08 * (high - low))


def test_the_same_scores_of_different_images_have_a_wide_interval():
    """Draws of the same positions in both sets would give no width."""
    scores = set_scores(dice_of(1))
    found = unpaired_difference(scores, scores, 'Dice')
    assert found.mean == 0
    width = found.high - found.low
    one = mean_interval(scores, 'Dice')
    assert width == pytest.approx(2**0.5 * (one.high - one.low), rel=0.1)


def test_the_interval_of_damaged_copies_is_paired():
    own = dice_of(1)
    copies = own - 5 + np.random.default_rng(3).normal(0, 0.1, 30)
    scores = {1.0: {'test': set_scores(own), 'blur': set_scores(copies)}}
    paired, unpaired = (
        summarise_sets(scores, Facts(same_images=same))['sets'][1]['change']
        for same in (['blur'], [])
    )
    assert paired['paired'] and not unpaired['paired']
    assert paired['mean'] == pytest.approx((copies - own).mean())
    assert unpaired['mean'] == pytest.approx(paired['mean'])
    assert paired['high'] - paired['low'] < 0.1
    assert unpaired['high'] - unpaired['low'] > 3


def test_ensembles_are_compared_with_the_tuned_model_image_by_image():
    tuned = dice_of(1)
    gains = {0.5: 2.0, 0.0: -10.0}
    scores = {
        1.0: {'test': set_scores(tuned)},
        **{a: {'test': set_scores(tuned + g)} for a, g in gains.items()},
    }
    (row,) = summarise_sets(scores, Facts())['ensembles']
    assert [alpha for alpha, _ in row['scores']] == [0.0, 0.5, 1.0]
    for alpha, score in row['scores']:
        expected = tuned.mean() + gains.get(alpha, 0)
        assert score == pytest.approx(expected)
    assert [each['alpha'] for each in row['differences']] == [0.0, 0.5]
    for each in row['differences']:
        found = [each['low'], each['mean'], each['high']]
        assert found == pytest.approx([gains[each['alpha']]] * 3)
