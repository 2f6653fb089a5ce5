# Copyright (c) gps_seg contributors. Apache-2.0.
"""Dice and IoU from areas in pixels: the arithmetic of the evaluation.

Every score of this package is a ratio of three areas per class: prediction,
ground truth and their intersection. Counted once per image, they give scores
per image and scores pooled over a data set. An image becomes
``3 x num_classes`` integers, which are cheap to send between processes.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

INTERSECT, PREDICTED, TRUTH = range(3)


def class_areas(
    prediction: Tensor,  # shape: (height, width)
    truth: Tensor,  # shape: (height, width)
    num_classes: int,
    ignore_index: int = 255,
) -> Tensor:  # shape: (3, num_classes)
    """Areas in pixels of each class: intersection, prediction, truth.

    Pixels whose ground truth is ``ignore_index`` are not counted, whatever
    their prediction. Counts are exact integers on every device.

    Args:
        prediction: Predicted labels; whole numbers of any dtype.
        truth: Labels of the ground truth or ``ignore_index``; whole numbers of
            any dtype.
        num_classes: Number of classes; labels are ``0 .. num_classes - 1``.
        ignore_index: Label of ground-truth pixels that do not count.

    Returns:
        int64 on the device of ``prediction``; rows are ``INTERSECT``,
        ``PREDICTED`` and ``TRUTH``.

    Raises:
        ValueError: If a map is not two-dimensional, the shapes differ, or a
            counted pixel has a label that is not a class.

    Example:
        >>> prediction = torch.tensor([[0, 1], [1, 1]])
        >>> truth = torch.tensor([[0, 0], [1, 255]])
        >>> class_areas(prediction, truth, num_classes=2)
        tensor([[1, 1],
                [1, 2],
                [2, 1]])
    """
    _check_shapes(prediction, truth)
    truth = truth.to(prediction.device)
    counted = truth != ignore_index
    predicted = _labels(prediction, counted, num_classes, 'prediction')
    true = _labels(truth, counted, num_classes, 'ground truth')
    # One bin for each pair of labels, and one for pixels that do not count:
    # copying the pixels of a mask takes several times as long.
    others = num_classes**2
    pairs = torch.where(counted, num_classes * true + predicted, others)
    bins = torch.bincount(pairs.flatten(), minlength=others + 1)
    confusion = bins[:-1].view(num_classes, num_classes)
    return torch.stack(
        [confusion.diagonal(), confusion.sum(dim=0), confusion.sum(dim=1)]
    )


def dice_scores(areas: Tensor) -> Tensor:
    """Dice coefficient of each class, ``2 |P & T| / (|P| + |T|)``.

    Args:
        areas: Areas from :func:`class_areas`, or a sum or stack of them;
            shape ``(..., 3, num_classes)``.

    Returns:
        float64 in ``[0, 1]``, shape ``(..., num_classes)``; NaN for a class
        that occurs in neither map.
    """
    intersect, predicted, truth = areas.double().unbind(dim=-2)
    return 2 * intersect / (predicted + truth)


def iou_scores(areas: Tensor) -> Tensor:
    """Intersection over union of each class, ``|P & T| / |P | T|``.

    Args:
        areas: Areas, shape ``(..., 3, num_classes)``; see
            :func:`dice_scores`.

    Returns:
        float64 in ``[0, 1]``, shape ``(..., num_classes)``; NaN for a class
        that occurs in neither map.
    """
    intersect, predicted, truth = areas.double().unbind(dim=-2)
    return intersect / (predicted + truth - intersect)


def mean_of_present(
    scores: Tensor,  # shape: (..., num_classes)
) -> Tensor:  # shape: (...)
    """Mean over the classes that occur; 1 if none does.

    A class in neither prediction nor ground truth has no score (NaN) and does
    not count. If no class occurs, there was nothing to find and nothing was
    found: a perfect answer.
    """
    return scores.nanmean(dim=-1).nan_to_num(nan=1.0)


def stack_areas(
    areas: Sequence[Tensor],  # shape of each: (3, num_classes)
) -> Tensor:  # shape: (num_images, 3, num_classes)
    """The areas of all images of a data set.

    Raises:
        ValueError: If there are no images, or all their pixels are ignored.
    """
    if not areas:
        raise ValueError(
            'evaluation: expected one or more images, got none. Check the '
            'data set.'
        )
    stacked = torch.stack(list(areas))
    if not stacked.any():
        raise ValueError(
            f'evaluation: expected pixels to score, got {len(areas)} '
            'images in which every pixel is ignored. Check the masks and '
            '`ignore_index`.'
        )
    return stacked


def _check_shapes(prediction: Tensor, truth: Tensor) -> None:
    if prediction.ndim == 2 and prediction.shape == truth.shape:
        return
    if truth.ndim != 2:
        remedy = 'Convert the masks to one channel of class indices.'
    elif prediction.ndim != 2:
        remedy = 'Give one label for each pixel, not scores.'
    else:
        remedy = 'Resize the prediction to the size of the ground truth.'
    raise ValueError(
        'label maps: expected two maps of one shape (height, width), got '
        f'prediction {tuple(prediction.shape)} and ground truth '
        f'{tuple(truth.shape)}. {remedy}'
    )


def _labels(
    labels: Tensor, counted: Tensor, num_classes: int, what: str
) -> Tensor:
    """Labels as int64, all in range; those that do not count are clamped.

    Raises:
        ValueError: If a label that counts is not a class.
    """
    inside = labels.long().clamp(0, num_classes - 1)
    wrong = counted & (inside != labels)
    if wrong.any():
        values = labels[wrong].unique()[:5].tolist()
        raise ValueError(
            f'{what}: expected labels 0 to {num_classes - 1}, got '
            f'{values} ({int(wrong.sum())} of {int(counted.sum())} pixels). '
            'Convert the masks to class indices, or mark such pixels with '
            'the ignore index.'
        )
    return inside
