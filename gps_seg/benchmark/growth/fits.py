# Copyright (c) gps_seg contributors. Apache-2.0.
"""Power laws, and where two costs meet."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Fit(NamedTuple):
    """A power law ``y = factor * x^slope``.

    Args:
        slope: Exponent.
        factor: Value at ``x = 1``.
        deviation: Largest ratio of a point to the line, or of the line to a
            point; 1 if all points are on it.
    """

    slope: float
    factor: float
    deviation: float

    def at(self, x: float) -> float:
        """Value of the power law."""
        return float(self.factor * x**self.slope)


def fit_power(x: Sequence[float], y: Sequence[float]) -> Fit | None:
    """Least squares of a straight line through the logarithms.

    Args:
        x: Positive numbers.
        y: Values; those that are not positive are left out, as noise gives
            them.

    Returns:
        The line; None if fewer than two points are left.

    Example:
        >>> fit = fit_power([1, 2, 4], [3, 12, 48])
        >>> round(fit.slope, 6), round(fit.factor, 6)
        (2.0, 3.0)
    """
    points = [(a, b) for a, b in zip(x, y, strict=True) if b > 0]
    if len(points) < 2:
        return None
    logs = np.log(np.array(points, dtype=np.float64))
    design = np.stack([logs[:, 0], np.ones(len(points))], axis=1)
    (slope, intercept), *_ = np.linalg.lstsq(design, logs[:, 1])
    residuals = logs[:, 1] - design @ (slope, intercept)
    return Fit(
        float(slope),
        math.exp(intercept),
        math.exp(float(np.abs(residuals).max())),
    )


def crossing(
    ks: Sequence[int], costs: Sequence[float], level: float
) -> float | None:
    """The k at which a cost first reaches a level.

    Between two measured k the cost is taken as linear in the logarithm of k.

    Args:
        ks: Numbers of connections per neuron, increasing.
        costs: Cost at each of them.
        level: Cost to reach.

    Returns:
        The k; the first one if its cost is as high already; None if no cost
        is.

    Example:
        >>> crossing([1, 4, 16], [1.0, 3.0, 5.0], level=4.0)
        8.0
    """
    if costs[0] >= level:
        return float(ks[0])
    for i in range(1, len(ks)):
        low, high = costs[i - 1], costs[i]
        if high >= level:
            share = (level - low) / (high - low)
            return float(ks[i - 1] * (ks[i] / ks[i - 1]) ** share)
    return None
