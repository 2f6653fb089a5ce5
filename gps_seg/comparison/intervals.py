# Copyright (c) gps_seg contributors. Apache-2.0.
"""Means and differences of scores, with bootstrap intervals.

Two methods that ran with the same seeds on the same images are compared image
by image, so that what makes a seed lucky or an image hard cancels out. The
interval is the percentile interval of the bootstrap (Efron and Tibshirani, An
Introduction to the Bootstrap, 1993, chapter 13). Both seeds and images are
resampled, independently of each other (Owen, The pigeonhole bootstrap, Annals
of Applied Statistics 1, 2007); images that belong together, such as the
frames of a video, are resampled as a group (the cluster bootstrap; Davison
and Hinkley, Bootstrap Methods and Their Application, 1997, section 3.8).

With ``n`` seeds the bootstrap sees ``(n - 1) / n`` of the variance between
seeds, and few distinct draws: with three seeds that part of the interval is
coarse and rather too narrow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from gps_seg.comparison.records import SetScores

DRAWS = 10_000
_SEED = 0
_ENDS = (2.5, 97.5)  # percentiles of a 95 % interval
_CHUNK = 2**20  # drawn groups at a time, which bounds the memory


class Difference(NamedTuple):
    """A paired difference to a reference with its 95 % interval.

    Args:
        mean: Mean difference over seeds and images.
        low: Lower end of the interval.
        high: Upper end of the interval.
        num_seeds: Number of common seeds. With one seed the interval is over
            images alone: it says nothing about other seeds.
        num_groups: Number of groups of images.
        per_seed: Mean difference over the images, by seed.

    Example:
        >>> Difference(1.5, 0.2, 2.9, 3, 100, {}).excludes_zero
        True
    """

    mean: float
    low: float
    high: float
    num_seeds: int
    num_groups: int
    per_seed: dict[int, float]

    @property
    def one_seed(self) -> bool:
        """Whether the interval is over images alone."""
        return self.num_seeds == 1

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies on one side of zero."""
        return self.low > 0 or self.high < 0


def paired_difference(
    variant: Mapping[int, SetScores],
    reference: Mapping[int, SetScores],
    metric: str,
    groups: Mapping[str, str] | None = None,
) -> Difference:
    """The difference of a variant to a reference over common seeds and images.

    Each of 10,000 draws takes as many seeds as there are and as many groups
    as there are, with replacement. Its value is the mean over the drawn images
    of the mean over the drawn seeds. The same scores give the same interval.

    Args:
        variant: Scores on one data set by seed.
        reference: Scores of the reference on the same data set by seed.
        metric: Name of a metric of single images.
        groups: Group of each image; None or empty if every image is its own
            group.

    Raises:
        ValueError: If there is no common seed, the images differ, or an image
            has no group.

    Example:
        >>> def scores(*values):
        ...     return SetScores(
        ...         images=['a', 'b'], per_image={'Dice': values}, pooled={}
        ...     )
        >>> difference = paired_difference(
        ...     {0: scores(80.0, 90.0), 1: scores(82.0, 92.0)},
        ...     {0: scores(79.0, 88.0), 1: scores(80.0, 91.0)},
        ...     'Dice',
        ... )
        >>> difference.mean, difference.low, difference.high
        (1.5, 1.0, 2.0)
    """
    seeds = sorted(variant.keys() & reference.keys())
    if not seeds:
        raise ValueError(
            'difference: expected a common seed, got seeds '
            f'{sorted(variant)} and {sorted(reference)}. Run both methods '
            'with the same seeds.'
        )
    images = _common_images([*variant.values(), *reference.values()])
    members = _group_numbers(images, groups)
    per_image = np.array(
        [
            np.subtract(
                variant[seed].per_image[metric],
                reference[seed].per_image[metric],
            )
            for seed in seeds
        ]
    )
    low, high = _ends(_drawn_means(per_image, members))
    return Difference(
        float(per_image.mean()),
        low,
        high,
        len(seeds),
        int(members.max()) + 1,
        dict(zip(seeds, per_image.mean(axis=1).tolist(), strict=True)),
    )


class Interval(NamedTuple):
    """A mean with its 95 % interval.

    Args:
        mean: The mean.
        low: Lower end of the interval.
        high: Upper end of the interval.
    """

    mean: float
    low: float
    high: float


def mean_interval(
    scores: SetScores, metric: str, groups: Mapping[str, str] | None = None
) -> Interval:
    """The mean over the images of a data set; groups of images are drawn.

    Args:
        scores: Scores on the data set.
        metric: Name of a metric of single images.
        groups: Group of each image; None or empty if every image is its own
            group.

    Raises:
        ValueError: If an image has no group.
    """
    drawn = _drawn_scores(scores, metric, groups, _SEED)
    return Interval(scores.mean(metric), *_ends(drawn))


def unpaired_difference(
    scores: SetScores,
    reference: SetScores,
    metric: str,
    groups: Mapping[str, str] | None = None,
    reference_groups: Mapping[str, str] | None = None,
) -> Interval:
    """The difference of two means over different images, drawn independently.

    Args:
        scores: Scores on one data set.
        reference: Scores on another data set, which are subtracted.
        metric: Name of a metric of single images.
        groups: Group of each image of ``scores``; None or empty if every image
            is its own group.
        reference_groups: Group of each image of ``reference``.

    Raises:
        ValueError: If an image has no group.
    """
    drawn = _drawn_scores(scores, metric, groups, _SEED)
    other = _drawn_scores(reference, metric, reference_groups, _SEED + 1)
    mean = scores.mean(metric) - reference.mean(metric)
    return Interval(mean, *_ends(drawn - other))


def _drawn_scores(
    scores: SetScores,
    metric: str,
    groups: Mapping[str, str] | None,
    seed: int,
) -> np.ndarray:  # shape: (DRAWS,)
    members = _group_numbers(scores.images, groups)
    return _drawn_means(np.array([scores.per_image[metric]]), members, seed)


def _drawn_means(
    per_image: np.ndarray,  # shape: (num_seeds, num_images)
    members: np.ndarray,  # shape: (num_images,), number of each one's group
    seed: int = _SEED,
) -> np.ndarray:  # shape: (DRAWS,)
    sums = np.array([np.bincount(members, row) for row in per_image])
    return bootstrap(sums, np.bincount(members), seed=seed)


def _ends(drawn: np.ndarray) -> tuple[float, float]:
    low, high = np.percentile(drawn, _ENDS)
    return float(low), float(high)


def bootstrap(
    sums: np.ndarray,  # shape: (num_seeds, num_groups)
    sizes: np.ndarray,  # shape: (num_groups,)
    draws: int = DRAWS,
    seed: int = _SEED,
) -> np.ndarray:  # shape: (draws,)
    """Means over seeds and images, both drawn with replacement.

    Args:
        sums: Sum of the values of a group of images, for each seed.
        sizes: Number of images of each group.
        draws: Number of draws.
        seed: Seed of the draws.
    """
    generator = np.random.default_rng(seed)
    num_seeds, num_groups = sums.shape
    drawn_seeds = generator.integers(num_seeds, size=(draws, num_seeds))
    means = [
        sums[:, drawn].sum(axis=2) / sizes[drawn].sum(axis=1)
        for drawn in _drawn_groups(generator, num_groups, draws)
    ]
    by_seed = np.concatenate(means, axis=1)
    return np.take_along_axis(by_seed, drawn_seeds.T, axis=0).mean(axis=0)


def _drawn_groups(
    generator: np.random.Generator, num_groups: int, draws: int
) -> Iterator[np.ndarray]:
    """Numbers of the drawn groups, shape (some draws, num_groups)."""
    step = max(1, _CHUNK // num_groups)
    for start in range(0, draws, step):
        size = (min(step, draws - start), num_groups)
        yield generator.integers(num_groups, size=size)


def _common_images(all_scores: list[SetScores]) -> list[str]:
    """The images, which all scores have in common.

    Raises:
        ValueError: If they differ.
    """
    images = all_scores[0].images
    for scores in all_scores:
        if scores.images != images:
            other = set(scores.images) ^ set(images)
            raise ValueError(
                'difference: expected scores of the same images in the same '
                f'order, got {len(images)} and {len(scores.images)} images '
                f'({len(other)} in only one of them: {sorted(other)[:3]}). '
                'Repeat the runs with one data set.'
            )
    return images


def _group_numbers(
    images: list[str], groups: Mapping[str, str] | None
) -> np.ndarray:  # shape: (num_images,)
    """Number of the group of each image, from 0.

    Raises:
        ValueError: If an image has no group.
    """
    if not groups:
        return np.arange(len(images))
    require_groups(images, groups)
    names = [groups[image] for image in images]
    return np.unique(names, return_inverse=True)[1]


def require_groups(images: Sequence[str], groups: Mapping[str, str]) -> None:
    """Check that every image has a group.

    Args:
        images: Names of images.
        groups: Group of each image.

    Raises:
        ValueError: If an image has none.

    Example:
        >>> require_groups(['a', 'b'], {'a': 'video 1', 'b': 'video 1'})
    """
    missing = [image for image in images if image not in groups]
    if missing:
        raise ValueError(
            f'groups: expected a group for each of {len(images)} images, got '
            f'none for {len(missing)}: {missing[:3]}. Add a line for each of '
            'them; an image is the name of its file without the ending, and '
            'with its folder where names repeat.'
        )
