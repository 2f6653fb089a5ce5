"""Paired differences and their bootstrap intervals, from their definition."""

import numpy as np
import pytest
from synthetic_runs import set_scores

from gps_seg.comparison import paired_difference
from gps_seg.comparison.intervals import DRAWS, bootstrap


def scores_of(values):
    """Scores by seed from an array (num_seeds, num_images)."""
    return {seed: set_scores(row) for seed, row in enumerate(values)}


def zeros_like(values):
    return scores_of(np.zeros_like(values))


def plain_bootstrap(values, members, draws, generator):
    """The definition: draw seeds, draw groups, average images and seeds."""
    num_seeds, names = len(values), np.unique(members)
    all_seeds = generator.integers(num_seeds, size=(draws, num_seeds))
    means = []
    for seeds in all_seeds:
        groups = names[generator.integers(len(names), size=len(names))]
        images = np.concatenate([np.nonzero(members == g)[0] for g in groups])
        means.append(
            np.mean([np.mean([values[s, i] for s in seeds]) for i in images])
        )
    return np.array(means)


@pytest.mark.parametrize('members', [[0, 1, 2, 3, 4], [0, 0, 0, 1, 2]])
def test_draws_equal_a_plain_loop_with_the_same_generator(members):
    generator = np.random.default_rng(3)
    values, members = generator.normal(size=(3, 5)), np.array(members)
    expected = plain_bootstrap(values, members, 50, np.random.default_rng(0))
    sums = np.array([np.bincount(members, row) for row in values])
    drawn = bootstrap(sums, np.bincount(members), draws=50)
    np.testing.assert_allclose(drawn, expected, atol=1e-14)


def test_draws_do_not_depend_on_the_chunks_in_which_they_are_made(
    monkeypatch,
):
    sums, sizes = np.random.default_rng(3).normal(size=(2, 7)), np.ones(7)
    whole = bootstrap(sums, sizes, draws=101)
    monkeypatch.setattr('gps_seg.comparison.intervals._CHUNK', 21)
    np.testing.assert_array_equal(bootstrap(sums, sizes, draws=101), whole)


def test_the_ends_are_the_percentiles_of_ten_thousand_draws():
    values = np.random.default_rng(5).normal(size=(3, 12))
    difference = paired_difference(
        scores_of(values), zeros_like(values), 'Dice'
    )
    drawn = np.sort(bootstrap(values, np.ones(12)))
    assert len(drawn) == DRAWS == 10_000
    assert np.mean(drawn < difference.low) == pytest.approx(0.025, abs=1e-4)
    assert np.mean(drawn > difference.high) == pytest.approx(0.025, abs=1e-4)


def test_the_mean_is_over_common_seeds_and_images():
    variant = {0: set_scores([80, 90]), 1: set_scores([70, 70])}
    reference = {0: set_scores([79, 85]), 2: set_scores([0, 0])}
    difference = paired_difference(variant, reference, 'Dice')
    assert difference.mean == 3
    assert difference.per_seed == {0: 3}
    assert (difference.num_seeds, difference.one_seed) == (1, True)
    assert difference.num_groups == 2


def test_a_constant_difference_has_an_interval_of_no_width():
    values = np.random.default_rng(1).uniform(50, 90, size=(3, 9))
    difference = paired_difference(
        scores_of(values + 2), scores_of(values), 'Dice'
    )
    np.testing.assert_allclose(difference[:3], 2, atol=1e-12)
    assert difference.excludes_zero
    assert not difference.one_seed


def test_a_single_group_leaves_the_differences_between_seeds():
    values = np.array([[1.0, 3.0], [5.0, 7.0]])
    groups = dict.fromkeys(['image0', 'image1'], 'video')
    difference = paired_difference(
        scores_of(values), zeros_like(values), 'Dice', groups
    )
    assert difference.num_groups == 1
    assert (difference.low, difference.mean, difference.high) == (2, 4, 6)


def test_frames_of_one_video_do_not_count_as_evidence():
    """Copies of images narrow the interval unless they form groups."""
    videos = np.random.default_rng(2).normal(size=(1, 20))
    frames = np.repeat(videos, 10, axis=1)
    groups = {f'image{i}': str(i // 10) for i in range(200)}

    def width(values, groups=None):
        found = paired_difference(
            scores_of(values), zeros_like(values), 'Dice', groups
        )
        return found.high - found.low

    # The same draws of videos, so the same interval.
    assert width(frames, groups) > 2 * width(frames)
    assert width(frames, groups) == pytest.approx(width(videos), rel=0.05)


@pytest.mark.parametrize(
    ('num_seeds', 'seed_sd', 'image_sd', 'low', 'high'),
    [(1, 0.0, 1.0, 0.88, 0.99), (8, 1.0, 1.0, 0.84, 0.98)],
)
def test_the_interval_covers_the_true_difference(
    num_seeds, seed_sd, image_sd, low, high
):
    """About 95 % of the intervals, less for few seeds."""
    generator, covered = np.random.default_rng(0), []
    for _ in range(150):
        values = (
            0.7
            + generator.normal(0, seed_sd, size=(num_seeds, 1))
            + generator.normal(0, image_sd, size=(1, 30))
        )
        ends = np.percentile(
            bootstrap(values, np.ones(30), draws=1000), [2.5, 97.5]
        )
        covered.append(ends[0] <= 0.7 <= ends[1])
    assert low <= np.mean(covered) <= high


def test_without_a_common_seed_there_is_no_difference():
    with pytest.raises(ValueError, match=r'common seed, got seeds \[0\] and'):
        paired_difference({0: set_scores([1])}, {1: set_scores([1])}, 'Dice')


@pytest.mark.parametrize('images', [['b', 'a'], ['a', 'c'], ['a']])
def test_scores_of_other_images_are_refused(images):
    variant = {0: set_scores([1, 2], ['a', 'b'])}
    reference = {0: set_scores([1, 2][: len(images)], images)}
    with pytest.raises(ValueError, match='same images in the same order'):
        paired_difference(variant, reference, 'Dice')


def test_an_image_without_a_group_is_named():
    scores = {0: set_scores([1, 2])}
    with pytest.raises(ValueError, match=r"none for 1: \['image1'\]"):
        paired_difference(scores, scores, 'Dice', {'image0': 'video'})


def test_without_groups_every_image_is_its_own():
    scores = {0: set_scores([1, 2])}
    for groups in (None, {}):
        found = paired_difference(scores, scores, 'Dice', groups)
        assert found.num_groups == 2
