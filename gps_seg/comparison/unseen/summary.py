# Copyright (c) gps_seg contributors. Apache-2.0.
"""Everything that a test on several data sets found, as plain data."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gps_seg.comparison.differences import Groups
from gps_seg.comparison.ensembles import TUNED, along_alpha
from gps_seg.comparison.intervals import (
    Interval,
    mean_interval,
    paired_difference,
    unpaired_difference,
)
from gps_seg.comparison.records import SetScores

#: Scores of one task by alpha and data set; alpha 1 is the tuned model.
ByAlpha = Mapping[float, Mapping[str, SetScores]]


class Damage(NamedTuple):
    """How the images of a data set are damaged.

    Args:
        kind: Kind of damage, such as ``'blur'``.
        severity: Severity, from 1.
    """

    kind: str
    severity: int


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of a test beside its scores.

    Args:
        groups: Group of each image by data set; without an entry, every image
            of a data set is its own group.
        same_images: Data sets with the images of the first one, such as
            damaged copies.
        damage: Damage by data set; without an entry, none is known.
        new_tensors: Tensors of the task that its base does not have.
    """

    groups: Groups = field(default_factory=dict)
    same_images: Collection[str] = ()
    damage: Mapping[str, Damage] = field(default_factory=dict)
    new_tensors: Sequence[str] = ()


def summarise_sets(scores: ByAlpha, facts: Facts) -> dict[str, Any]:
    """Summarise the scores of a tuned model on its own and on other images.

    The first data set is the model's own. The result has these keys:

    - ``metric`` (the main one), ``metrics`` and ``pooled`` (their names);
    - ``sets``: one row for each data set, with ``set``, ``images`` and
      ``groups`` (their numbers), ``per_image`` (mean and ends of the 95 %
      interval by metric), ``pooled`` (scores by metric), ``change`` (of the
      main metric from the own images to these, with ``paired``; None for the
      own images), and ``damage`` (``kind`` and ``severity``, or None);
    - ``ensembles``: None without other alphas, or one row for each data set
      as :func:`~gps_seg.comparison.ensembles.along_alpha` returns it, with
      ``set``;
    - ``new_tensors``: names of the tensors that keep their tuned values.

    Args:
        scores: Scores by alpha, that of the tuned model among them.
        facts: Facts about the data sets and the task.

    Example:
        >>> def images(*dice):
        ...     names = [str(i) for i in range(len(dice))]
        ...     return SetScores(
        ...         images=names, per_image={'Dice': list(dice)}, pooled={}
        ...     )
        >>> sets = {'test': images(80.0, 90.0), 'blur': images(70.0, 80.0)}
        >>> facts = Facts(same_images=['blur'])
        >>> _, row = summarise_sets({1.0: sets}, facts)['sets']
        >>> row['per_image']['Dice']['mean'], row['change']['mean']
        (75.0, -10.0)
    """
    tuned = scores[TUNED]
    own = next(iter(tuned))
    return {
        'metric': tuned[own].metric,
        'metrics': list(tuned[own].per_image),
        'pooled': list(tuned[own].pooled),
        'sets': [_row(name, own, tuned, facts) for name in tuned],
        'ensembles': _ensembles(scores, facts.groups),
        'new_tensors': list(facts.new_tensors),
    }


def _row(
    name: str, own: str, tuned: Mapping[str, SetScores], facts: Facts
) -> dict[str, Any]:
    scores, groups = tuned[name], facts.groups.get(name, {})
    damage = facts.damage.get(name)
    return {
        'set': name,
        'images': len(scores.images),
        'groups': len({groups.get(image, image) for image in scores.images}),
        'per_image': {
            metric: mean_interval(scores, metric, groups)._asdict()
            for metric in scores.per_image
        },
        'pooled': dict(scores.pooled),
        'change': None if name == own else _change(name, own, tuned, facts),
        'damage': damage and damage._asdict(),
    }


def _change(
    name: str, own: str, tuned: Mapping[str, SetScores], facts: Facts
) -> dict[str, Any]:
    """Difference of the main metric to the own images."""
    metric = tuned[own].metric
    groups = facts.groups.get(name)
    is_paired = name in facts.same_images
    if is_paired:
        pairs = {0: tuned[name]}, {0: tuned[own]}
        difference = paired_difference(*pairs, metric, groups)
        interval = Interval(difference.mean, difference.low, difference.high)
    else:
        interval = unpaired_difference(
            tuned[name], tuned[own], metric, groups, facts.groups.get(own)
        )
    return {**interval._asdict(), 'paired': is_paired}


def _ensembles(scores: ByAlpha, groups: Groups) -> list[dict[str, Any]] | None:
    """One row for each data set; None without another alpha than 1."""
    others = [alpha for alpha in scores if alpha != TUNED]
    if not others:
        return None
    rows = []
    for name, tuned in scores[TUNED].items():
        mixed = {alpha: scores[alpha][name] for alpha in others}
        row = along_alpha({0: tuned}, {0: mixed}, groups.get(name))
        rows.append({'set': name, **row})
    return rows
