"""Power laws and crossings on numbers that are known."""

import math

import numpy as np
import pytest

from gps_seg.benchmark.growth import crossing, fit_power


def test_a_power_law_is_found():
    x = [3.0, 10.0, 50.0, 700.0]
    fit = fit_power(x, [0.2 * a**1.7 for a in x])
    assert fit.slope == pytest.approx(1.7)
    assert fit.factor == pytest.approx(0.2)
    assert fit.deviation == pytest.approx(1.0)
    assert fit.at(20.0) == pytest.approx(0.2 * 20**1.7)


def test_noise_is_averaged_as_by_least_squares():
    generator = np.random.default_rng(0)
    x = np.geomspace(10, 1000, 7)
    y = 5 * x**2 * np.exp(0.1 * generator.standard_normal(7))
    slope, intercept = np.polyfit(np.log(x), np.log(y), 1)
    line = np.exp(intercept) * x**slope
    fit = fit_power(x, y)
    assert fit.slope == pytest.approx(slope)
    assert fit.factor == pytest.approx(math.exp(intercept))
    off = max(np.maximum(y / line, line / y))
    assert fit.deviation == pytest.approx(off)


def test_what_is_not_positive_is_left_out():
    assert fit_power([1, 2, 4, 8], [1, -3, 4, 0]).slope == pytest.approx(1)
    assert fit_power([1, 2, 4], [1, 0, -1]) is None
    assert fit_power([], []) is None


@pytest.mark.parametrize(
    ('costs', 'expected'),
    [
        ([1, 2, 3, 4], 10 * 2**0.5),  # halfway from 10 to 20, in logarithms
        ([1, 2.5, 3, 4], 10.0),
        ([3, 1, 1, 1], 1.0),
        ([1, 1, 1, 2], None),
        ([1, 3, 2, 1], 10**0.75),  # the first time counts
    ],
)
def test_the_k_at_which_a_cost_is_reached(costs, expected):
    found = crossing([1, 10, 20, 100], costs, level=2.5)
    assert found == (expected and pytest.approx(expected))
