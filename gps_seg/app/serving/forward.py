# Copyright (c) gps_seg contributors. Apache-2.0.
"""One image through a segmentor, as MMSegmentation's own call does it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from torch import Tensor, nn

from gps_seg.engine.label_array import label_array
from gps_seg.engine.testing.segmenting import segment


class Prediction(NamedTuple):
    """What a model predicts on an image.

    Args:
        labels: Labels, uint8, shape (height, width).
        certainty: Mean probability of the predicted class over the pixels of
            each class; NaN for a class that is predicted nowhere.
    """

    labels: np.ndarray
    certainty: tuple[float, ...]


def predict(
    model: nn.Module,
    image: np.ndarray,  # shape: (height, width, 3)
    num_classes: int,
) -> Prediction:
    """Segment an image.

    Args:
        model: Segmentor in evaluation mode, with its config.
        image: RGB, uint8.
        num_classes: Number of classes.
    """
    sample = segment(model, image)
    labels = label_array(sample.pred_sem_seg)
    best = best_probability(sample.seg_logits.data, labels)
    return Prediction(labels, class_means(best, labels, num_classes))


def best_probability(
    logits: Tensor,  # shape: (num_channels, height, width)
    labels: np.ndarray,  # shape: (height, width)
) -> np.ndarray:  # shape: (height, width)
    """Probability of the predicted class at each pixel.

    Args:
        logits: Scores of the classes; a single channel is that of class 1.
        labels: Predicted labels.
    """
    if len(logits) > 1:
        best = (logits.amax(dim=0) - logits.logsumexp(dim=0)).exp()
        return best.float().cpu().numpy()
    object_alone: np.ndarray = logits[0].float().sigmoid().cpu().numpy()
    return np.where(labels == 1, object_alone, 1 - object_alone)


def class_means(
    values: np.ndarray, labels: np.ndarray, num_classes: int
) -> tuple[float, ...]:
    """Mean of the values over the pixels of each class.

    Args:
        values: Values, shape (height, width).
        labels: Labels of the same shape.
        num_classes: Number of classes.

    Example:
        >>> class_means(np.array([[0.5, 1.0]]), np.array([[0, 0]]), 2)
        (0.75, nan)
    """
    flat = labels.ravel()
    sums = np.bincount(flat, values.ravel().astype(float), num_classes)
    counts = np.bincount(flat, minlength=num_classes)
    means = np.full(num_classes, np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    return tuple(means.tolist())
