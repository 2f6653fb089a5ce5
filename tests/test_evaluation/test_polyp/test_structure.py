"""S, E, weighted F and MAE against the equations of their papers."""

import numpy as np
import pytest
from polyp_maps import library, random_map

from gps_seg.evaluation.polyp.structure import structure_of

SEEDS = range(6)


def structure(probability, truth, counted=None):
    counted = np.ones_like(truth) if counted is None else counted
    return structure_of(library(), probability, truth, counted)


def object_score(values):
    """Fan et al. 2017, equation 5, with lambda 0.5."""
    mean, deviation = values.mean(), values.std(ddof=1)
    return 2 * mean / (mean**2 + 1 + 2 * 0.5 * deviation)


def similarity(x, y):
    """SSIM of two blocks without its constants, equation 2."""
    if x.size == 0:
        return 0.0
    if x.std() == y.std() == 0 and (x.mean() == 0) == (y.mean() == 0):
        return 1.0  # two flat blocks
    cov = ((x - x.mean()) * (y - y.mean())).sum()
    squares = ((x - x.mean()) ** 2).sum() + ((y - y.mean()) ** 2).sum()
    top = 4 * x.mean() * y.mean() * cov
    return (
        0.0 if top == 0 else top / (squares * (x.mean() ** 2 + y.mean() ** 2))
    )


def s_measure(probability, truth):
    share = truth.mean()
    of_object = share * object_score(probability[truth])
    of_object += (1 - share) * object_score(1 - probability[~truth])
    rows, columns = np.nonzero(truth)
    row, column = round(rows.mean()) + 1, round(columns.mean()) + 1
    of_regions = 0.0
    for high in (slice(0, row), slice(row, None)):
        for wide in (slice(0, column), slice(column, None)):
            block = truth[high, wide]
            weight = block.size / truth.size
            of_regions += weight * similarity(
                probability[high, wide], block.astype(float)
            )
    return max(0.0, 0.5 * of_object + 0.5 * of_regions)


def e_measure(predicted, truth):
    """Fan et al. 2018, equations 2 to 4; sum over pixels less one."""
    phi_p = predicted - predicted.mean()
    phi_t = truth - truth.mean()
    alignment = 2 * phi_p * phi_t / (phi_p**2 + phi_t**2)
    return ((1 + alignment) ** 2 / 4).sum() / (truth.size - 1)


def weighted_f(probability, truth):
    """Margolin et al. 2014: errors that depend on place and neighbours."""
    inside = np.argwhere(truth)
    error = np.abs(probability - truth)
    spread, distance = error.copy(), np.zeros(truth.shape)
    for place in map(tuple, np.argwhere(~truth)):
        far = np.sqrt(((inside - place) ** 2).sum(axis=1))
        distance[place] = far.min()
        spread[place] = error[tuple(inside[far.argmin()])]
    offsets = np.arange(-3, 4)
    window = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * 5**2))
    window /= window.sum()
    padded = np.pad(spread, 3)
    smooth = np.zeros(truth.shape)
    for row in range(7):
        for column in range(7):
            part = padded[row:, column:][: truth.shape[0], : truth.shape[1]]
            smooth += window[row, column] * part
    error = np.where(truth, np.minimum(error, smooth), error)
    importance = np.where(truth, 1, 2 - np.exp(np.log(0.5) / 5 * distance))
    error = error * importance
    found = truth.sum() - error[truth].sum()
    recall = 1 - error[truth].mean()
    precision = found / (found + error[~truth].sum())
    return 2 * precision * recall / (precision + recall)


@pytest.mark.parametrize('seed', SEEDS)
def test_s_measure_equals_the_paper(seed):
    probability, truth = random_map(seed)

    actual = structure(probability, truth).s_measure

    assert actual == pytest.approx(s_measure(probability, truth), abs=1e-9)


@pytest.mark.parametrize('seed', SEEDS)
def test_e_measure_equals_the_paper_at_every_threshold(seed):
    probability, truth = random_map(seed)

    actual = structure(probability, truth)

    expected = [
        e_measure(probability > (level - 0.5) / 255, truth)
        for level in range(256)
    ]
    np.testing.assert_allclose(actual.e_by_threshold, expected, atol=1e-9)
    adaptive = probability >= min(2 * probability.mean(), 1)
    assert actual.adaptive_e == pytest.approx(
        e_measure(adaptive, truth), abs=1e-9
    )


@pytest.mark.parametrize('seed', SEEDS)
def test_weighted_f_equals_the_paper(seed):
    probability, truth = random_map(seed)

    actual = structure(probability, truth).weighted_f

    assert actual == pytest.approx(weighted_f(probability, truth), abs=1e-9)


@pytest.mark.parametrize('seed', SEEDS)
def test_ignored_pixels_are_background_to_all_but_mae(seed):
    probability, truth = random_map(seed)
    counted = np.random.default_rng(seed).random(truth.shape) < 0.8

    actual = structure(probability, truth, counted)

    expected = structure(probability * counted, truth & counted)
    assert actual.s_measure == expected.s_measure
    assert actual.weighted_f == expected.weighted_f
    assert actual.adaptive_e == expected.adaptive_e
    np.testing.assert_array_equal(
        actual.e_by_threshold, expected.e_by_threshold
    )
    errors = np.abs(probability - truth)[counted]
    assert actual.mae == pytest.approx(errors.mean(), rel=1e-12)


def test_a_map_without_any_prediction_is_not_scored_as_a_full_one():
    probability, truth = np.zeros((6, 7)), np.zeros((6, 7), bool)
    truth[:, :5] = True
    nothing = e_measure(probability > 0.5, truth)

    actual = structure(probability, truth)

    assert actual.adaptive_e == pytest.approx(nothing)
    assert actual.adaptive_e < 0.3
    full = structure(np.zeros((6, 7)), np.ones((6, 7), bool))
    assert full.adaptive_e == 0


def test_a_faint_map_is_not_stretched():
    probability, truth = random_map(0)
    faint = np.round(probability * 255 / 10) / 255

    actual = structure(faint, truth)

    assert actual.mae == pytest.approx(np.abs(faint - truth).mean())
    assert actual.s_measure == pytest.approx(s_measure(faint, truth))


def test_a_polyp_at_the_last_column_has_a_number():
    truth = np.zeros((6, 7), bool)
    truth[:, 6] = True
    probability = np.random.default_rng(0).integers(0, 256, (6, 7)) / 255

    actual = structure(probability, truth).s_measure

    assert actual == pytest.approx(s_measure(probability, truth), abs=1e-9)


@pytest.mark.parametrize(
    ('value', 'weighted', 's', 'adaptive'),
    [(0, 1, 1, 42 / 41), (51, 1, 0.8, 42 / 41), (255, 0, 0, 0)],
)
def test_an_image_without_a_polyp(value, weighted, s, adaptive):
    """51 / 255 is 0.2: nothing is predicted at 0.5, nor at twice the mean."""
    probability = np.full((6, 7), value / 255)

    actual = structure(probability, np.zeros((6, 7), bool))

    assert actual.weighted_f == weighted
    assert actual.s_measure == pytest.approx(s)
    assert actual.adaptive_e == pytest.approx(adaptive)
    background = np.where(np.arange(256) > value, 1, 0)
    np.testing.assert_allclose(
        actual.e_by_threshold, background * 42 / 41, rtol=1e-9
    )


def test_an_image_of_ignored_pixels_alone_has_nothing_wrong():
    probability, truth = random_map(0)

    actual = structure(probability, truth, np.zeros_like(truth))

    assert (actual.mae, actual.weighted_f, actual.s_measure) == (0, 1, 1)
