# Copyright (c) gps_seg contributors. Apache-2.0.
"""The row of a variant in a summary: means over its seeds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean, stdev
from typing import Any

from gps_seg.comparison.records import RunRecord, SetScores


def variant_row(variant: str, runs: Sequence[RunRecord]) -> dict[str, Any]:
    """What the runs of a variant have in common, and their mean scores."""
    trained = _mean(run.trained for run in runs)
    total = _mean(run.total for run in runs)
    return {
        'variant': variant,
        'status': 'finished',
        'method': dict(runs[0].method),
        'rate': runs[0].rate,
        'seeds': [run.seed for run in runs],
        'trained': trained,
        'total': total,
        'trained_percent': 100 * trained / total,
        'task_bytes': _mean(run.task_bytes for run in runs),
        'seconds': _mean(run.seconds for run in runs),
        'curve': _mean_curve([run.curve for run in runs]),
        'scores': {
            name: _set_row([run.scores[name] for run in runs])
            for name in runs[0].scores
        },
    }


def _set_row(scores: Sequence[SetScores]) -> dict[str, Any]:
    """Mean and standard deviation of each metric over the seeds."""
    return {
        'per_image': {
            metric: _spread([each.mean(metric) for each in scores])
            for metric in scores[0].per_image
        },
        'pooled': {
            metric: _spread([each.pooled[metric] for each in scores])
            for metric in scores[0].pooled
        },
    }


def _spread(values: Sequence[float]) -> dict[str, Any]:
    """Mean, sample standard deviation (None of one value), and the values."""
    return {
        'mean': fmean(values),
        'sd': stdev(values) if len(values) > 1 else None,
        'per_seed': list(values),
    }


def _mean(counts: Iterable[float]) -> float:
    """The mean; a whole number if it is one."""
    mean = fmean(counts)
    return int(mean) if mean.is_integer() else mean


def _mean_curve(curves: Sequence[list[list[float]]]) -> list[list[float]]:
    """Mean score at each iteration at which every run was validated."""
    by_run = [dict(map(tuple, curve)) for curve in curves]
    common = [i for i in by_run[0] if all(i in scores for scores in by_run)]
    return [[i, fmean(scores[i] for scores in by_run)] for i in common]
