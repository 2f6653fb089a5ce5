# Copyright (c) gps_seg contributors. Apache-2.0.
"""Measures of a map against a mask, computed by PySODMetrics.

Its ``normalize`` is off: it would stretch every map from its least to its
greatest value, so that a map of faint noise would become a confident one.
"""

from typing import Any, NamedTuple

import numpy as np


class Structure(NamedTuple):
    """Measures of one image, as shares.

    Args:
        weighted_f: Weighted F (Margolin et al., CVPR 2014).
        s_measure: S-measure (Fan et al., ICCV 2017), alpha 0.5.
        e_by_threshold: E-measure (Fan et al., IJCAI 2018) where the map is at
            least ``t / 255``, for ``t`` from 0 to 255.
        adaptive_e: E-measure at twice the mean of the map, at most 1.
        mae: Mean absolute error over the pixels that count.
    """

    weighted_f: float
    s_measure: float
    e_by_threshold: np.ndarray  # shape: (256,)
    adaptive_e: float
    mae: float


def structure_of(
    library: Any,
    probability: np.ndarray,  # shape: (height, width)
    truth: np.ndarray,  # shape: (height, width)
    counted: np.ndarray,  # shape: (height, width)
) -> Structure:
    """Measure a map of probabilities against a mask.

    S, E and weighted F need whole rectangles: to them, a pixel that does not
    count is background of probability 0.

    Args:
        library: The module ``py_sod_metrics``.
        probability: Map in steps of 1/255; float64.
        truth: Mask of the foreground; bool.
        counted: Whether a pixel counts; bool.
    """
    mae = _mae(library, probability[counted], truth[counted])
    probability = np.where(counted, probability, 0.0)
    truth = truth & counted
    e_by_threshold, adaptive_e = _e_measures(library, probability, truth)
    return Structure(
        _weighted_f(library, probability, truth),
        _s_measure(library, probability, truth),
        e_by_threshold,
        adaptive_e,
        mae,
    )


def _mae(library: Any, probability: np.ndarray, truth: np.ndarray) -> float:
    if not truth.size:
        return 0.0  # nothing is known, nothing is wrong
    measure = library.MAE()
    measure.step(probability, truth, normalize=False)
    return float(measure.get_results()['mae'])


def _weighted_f(
    library: Any, probability: np.ndarray, truth: np.ndarray
) -> float:
    if not truth.any():
        # Recall has no meaning here; the rule for empty masks is Dice's.
        return float(not (probability > 0.5).any())
    measure = library.WeightedFmeasure(beta=1)
    measure.step(probability, truth, normalize=False)
    return float(measure.get_results()['wfm'])


def _s_measure(
    library: Any, probability: np.ndarray, truth: np.ndarray
) -> float:
    measure = library.Smeasure(alpha=0.5)
    similarity = measure.ssim
    # A centroid in the last row or column leaves blocks without pixels. Their
    # weight is 0, but the mean of no pixels is NaN.
    measure.ssim = lambda pred, gt: similarity(pred, gt) if gt.size else 0.0
    measure.step(probability, truth, normalize=False)
    return float(measure.get_results()['sm'])


def _e_measures(
    library: Any, probability: np.ndarray, truth: np.ndarray
) -> tuple[np.ndarray, float]:
    measure = library.Emeasure()
    measure.step(probability, truth, normalize=False)
    results = measure.get_results()['em']
    ascending = results['curve'][::-1]  # the library begins at 255
    if not probability.any():
        # Twice the mean is 0, and every pixel is at least 0: an empty map
        # would be scored as full. At all other thresholds it is empty.
        return ascending, float(ascending[-1])
    return ascending, float(results['adp'])
