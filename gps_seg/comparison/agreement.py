# Copyright (c) gps_seg contributors. Apache-2.0.
"""Which methods err alike, and what a vote of several runs gains.

Methods of equal scores may be wrong on different pixels; then a vote of them
gains. The question is that of Mai et al., Lessons and Insights from a
Unifying Study of Parameter-Efficient Fine-Tuning (PEFT) in Visual Recognition,
CVPR 2025. They average logits of classifiers; here label maps vote.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from gps_seg.comparison.label_maps import (
    pairwise_dice,
    pairwise_iou,
    read_stack,
)
from gps_seg.comparison.votes import Run, Truth, measure_votes


def measure_agreement(
    folders: Mapping[str, Mapping[int, Path]],
    truth: Truth,
    images: Sequence[str],
    groups: Mapping[str, str] | None = None,
    foreground: Sequence[int] | None = None,
) -> dict[str, Any]:
    """Agreement of the predictions and errors of all runs, and their votes.

    All values are means over the images, in percent. The result has these
    keys:

    - ``variants``, and two matrices over them: ``dice``, of one prediction
      against the other over the foreground, and ``error_overlap``, the
      intersection over union of the wrong pixels, over the images on which
      either is wrong. A cell is the mean over common seeds; on the diagonal
      it is the mean over pairs of seeds of one variant, which is how far two
      runs of the same method agree. Cells without such pairs are None;
    - ``votes``: None with fewer than three variants, or without a common
      seed. Else the number of ``members`` n, three at least, and the mean
      Dice of the ``best_run``, of the ``best_variant`` (mean of its runs), of
      a vote of its n ``seeds`` (None with fewer than three common seeds), and
      of a vote of the n best ``variants`` with one seed each, and of ``all``
      variants (both means over the seeds). The last two have their ``gain``
      over the best variant, image by image, with its 95 % interval. Each
      pixel gets the label of most votes, the lower one of a tie. The best are
      those on the same images, so these scores are slightly too high, that of
      ``best_run`` most.

    Args:
        folders: Folder of the label maps by variant and seed; a map is
            ``<image>.png``, with ``_`` for each ``/`` of the name.
        truth: Function from the name of an image to its labels, uint8 of
            shape (height, width), 255 where pixels do not count.
        images: Names of the images.
        groups: Group of each image, such as its video, for the intervals;
            None or empty if every image is its own group.
        foreground: Labels of the classes of which Dice is taken; None takes
            all but 0.

    Raises:
        FileNotFoundError: If a label map is missing.
        ValueError: If the shape of a map differs from that of the truth, or
            there is no run or image.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> labels = np.eye(4, dtype=np.uint8)
        >>> with TemporaryDirectory() as folder:
        ...     Image.fromarray(labels).save(f'{folder}/a.png')
        ...     found = measure_agreement(
        ...         {'gps': {0: Path(folder)}, 'full': {0: Path(folder)}},
        ...         {'a': labels}.__getitem__,
        ...         ['a'],
        ...     )
        >>> found['dice']
        [[None, 100.0], [100.0, None]]
    """
    runs = {
        Run(variant, seed): folder
        for variant, by_seed in folders.items()
        for seed, folder in by_seed.items()
    }
    if not runs or not images:
        raise ValueError(
            'agreement: expected predictions of runs on images, got '
            f'{len(runs)} runs and {len(images)} images.'
        )
    dice, errors, scores = _means(
        list(runs.values()), truth, images, foreground
    )
    variants = list(folders)
    by_run = dict(zip(runs, scores.tolist(), strict=True))
    return {
        'variants': variants,
        'dice': _matrix(variants, list(runs), dice),
        'error_overlap': _matrix(variants, list(runs), errors),
        'votes': measure_votes(
            runs, by_run, truth, images, groups, foreground
        ),
    }


def _means(
    folders: Sequence[Path],
    truth: Truth,
    images: Sequence[str],
    foreground: Sequence[int] | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means over the images: both matrices over the runs, and their Dice."""
    dice = np.zeros((len(folders) + 1,) * 2)
    errors, known = np.zeros((2, len(folders), len(folders)))
    for image in images:
        maps, labels = read_stack(folders, image, truth(image))
        # The truth is one more map: its row is the Dice of each run.
        dice += pairwise_dice(np.vstack([maps, labels]), foreground)
        overlap = pairwise_iou(maps != labels)
        errors += np.nan_to_num(overlap)
        known += np.isfinite(overlap)
    dice /= len(images)
    unknown = np.full_like(errors, np.nan)
    errors = np.divide(errors, known, out=unknown, where=known > 0)
    return dice[:-1, :-1], errors, dice[-1, :-1]


def _matrix(
    variants: Sequence[str], runs: Sequence[Run], values: np.ndarray
) -> list[list[float | None]]:
    """Means of a matrix over runs, by pair of variants."""
    return [
        [_cell(one, other, runs, values) for other in variants]
        for one in variants
    ]


def _cell(
    one: str, other: str, runs: Sequence[Run], values: np.ndarray
) -> float | None:
    pairs = [
        values[i, j]
        for (i, a), (j, b) in combinations(enumerate(runs), 2)
        if {a.variant, b.variant} == {one, other}
        and (a.seed == b.seed) == (one != other)
    ]
    finite = [float(value) for value in pairs if np.isfinite(value)]
    return sum(finite) / len(finite) if finite else None
