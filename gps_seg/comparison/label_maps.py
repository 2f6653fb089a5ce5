# Copyright (c) gps_seg contributors. Apache-2.0.
"""Stacks of label maps of one image: overlaps of all pairs, and votes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

#: Label of pixels of the ground truth that do not count.
IGNORED = 255
_CHUNK = 2**18  # pixels at a time, which bounds the memory


def label_file(folder: Path, image: str) -> Path:
    """File of the predicted labels of an image: one folder holds them all.

    Args:
        folder: Folder of label maps.
        image: Name of the image.
    """
    return folder / f'{image.replace("/", "_")}.png'


def read_stack(
    folders: Sequence[Path], image: str, truth: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Read the predictions of an image, without the pixels that are ignored.

    Args:
        folders: Folder of the label maps of each run.
        image: Name of the image.
        truth: Labels, shape (height, width), or ``IGNORED``.

    Returns:
        Predicted labels, shape (num_runs, num_pixels), and true labels, shape
        (num_pixels,).

    Raises:
        FileNotFoundError: If a map is missing.
        ValueError: If a map has not the shape of the truth.
    """
    counted = truth != IGNORED
    rows = []
    for folder in folders:
        path = label_file(folder, image)
        with Image.open(path) as picture:
            labels = np.asarray(picture)
        if labels.shape != truth.shape:
            raise ValueError(
                'agreement: expected a label map of the shape of the ground '
                f'truth, {truth.shape}, got {labels.shape} ({path}). Write '
                'predictions at the size of the original image.'
            )
        rows.append(labels[counted])
    return np.stack(rows), truth[counted]


def pairwise_dice(
    maps: np.ndarray,  # shape: (num_maps, num_pixels)
    foreground: Sequence[int] | None = None,
) -> np.ndarray:  # shape: (num_maps, num_maps)
    """Dice of each map against each other, in percent.

    The mean over the foreground classes that occur in either map; 100 if none
    does, as in ``DiceIoUMetric``.

    Args:
        maps: Labels.
        foreground: Labels of the classes that count; None takes all but 0.

    Example:
        >>> maps = np.array([[0, 1, 1, 2], [0, 0, 1, 2]])
        >>> pairwise_dice(maps, foreground=[0])[0, 1].round(1)
        np.float64(66.7)
    """
    scores = []
    counted = maps > 0 if foreground is None else np.isin(maps, foreground)
    for label in np.unique(maps[counted]):
        common, sums = _overlaps(maps == label)
        scores.append(100 * _ratio(2 * common, sums))
    if not scores:
        return np.full((len(maps), len(maps)), 100.0)
    return np.nan_to_num(_mean_of_finite(np.stack(scores)), nan=100.0)


def pairwise_iou(
    masks: np.ndarray,  # shape: (num_masks, num_pixels), bool
) -> np.ndarray:  # shape: (num_masks, num_masks)
    """Intersection over union of all pairs, in percent; NaN of empty ones."""
    common, sums = _overlaps(masks)
    return 100 * _ratio(common, sums - common)


def vote(
    maps: np.ndarray,  # shape: (num_maps, num_pixels)
) -> np.ndarray:  # shape: (num_pixels,)
    """The label that most maps give each pixel; the lower one of a tie.

    Example:
        >>> vote(np.array([[0, 1, 2, 2], [0, 1, 1, 0], [1, 1, 2, 1]]))
        array([0, 1, 2, 0])
    """
    labels = np.unique(maps)
    counts = np.stack([(maps == label).sum(axis=0) for label in labels])
    return labels[counts.argmax(axis=0)]  # the first maximum


def _overlaps(masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Common pixels of all pairs of masks, and the sums of their pixels."""
    common = np.zeros((len(masks), len(masks)))
    for start in range(0, masks.shape[1], _CHUNK):
        # Whole numbers below 2**24 are exact in float32.
        part = masks[:, start : start + _CHUNK].astype(np.float32)
        common += part @ part.T
    areas = common.diagonal()
    return common, areas[:, None] + areas[None, :]


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Part of the whole; NaN where there is nothing."""
    empty = np.full_like(part, np.nan)
    return np.divide(part, whole, out=empty, where=whole > 0)


def _mean_of_finite(values: np.ndarray) -> np.ndarray:
    """Mean over the first axis without NaN; NaN where all are."""
    known = np.isfinite(values)
    total = np.where(known, values, 0).sum(axis=0)
    return _ratio(total, known.sum(axis=0))
