# Copyright (c) gps_seg contributors. Apache-2.0.
"""``delta.py sweep``: plot the scores between the base and the tuned model."""

import json
import math
from argparse import Namespace
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mmengine.config import Config

from gps_seg.delta import Delta
from gps_seg.engine.reporting.environment import describe_environment
from gps_seg.files import require_new
from gps_seg.models.weight_files import write_once
from gps_seg.runs.deltas.alphas import Report, sweep
from gps_seg.runs.launch import load_config
from gps_seg.visualization.plots.alpha_sweep import (
    AlphaScore,
    plot_alpha_sweep,
)


def run(args: Namespace) -> str:
    """See :func:`sweep_files`."""
    require_new(args.out, *args.suffixes)
    return sweep_files(
        load_config(str(args.config), overrides=args.cfg_options),
        args.delta,
        args.out,
        alphas=args.alphas,
        metrics=args.metric,
        report=partial(print, flush=True),
    )


def sweep_files(
    config: Config,
    delta_file: Path,
    out: Path,
    *,
    alphas: Sequence[float],
    metrics: Sequence[str] | None,
    report: Report,
) -> str:
    """Sweep, plot the metrics against ``alpha``, and write the numbers.

    Args:
        config: Config of the base and its test set.
        delta_file: Delta of the task.
        out: Picture to write; the numbers go into a ``.json`` beside it.
        alphas: See :func:`~gps_seg.runs.deltas.alphas.sweep`.
        metrics: Names of the metrics to plot; None for the ``save_best`` of
            the config, or else the first metric.
        report: See :func:`~gps_seg.runs.deltas.alphas.sweep`.

    Returns:
        Names of the two files.

    Raises:
        FileNotFoundError: If a file is missing.
        FileExistsError: If one of the two results exists.
        ValueError: If there is no such metric, or the config, the delta and
            the alphas do not fit each other.
    """
    numbers = require_new(out.with_suffix('.json'), '.json')
    delta = Delta.load(delta_file)
    scores = sweep(config, delta, alphas, report)
    content = {
        'config': str(config.filename),
        'delta': str(delta_file),
        **as_json(scores, delta),
        'environment': describe_environment(),
    }
    # Before the plot, so that a misspelt metric does not lose the numbers.
    write_once(numbers, f'{json.dumps(content, indent=2)}\n'.encode())
    shown = metrics or [main_metric(config, scores[0].metrics)]
    picture = plot_alpha_sweep(scores, shown, out)
    return f'{picture}\n{numbers}'


def main_metric(config: Config, metrics: Mapping[str, float]) -> str:
    """The metric of the config's ``save_best``, or else the first metric."""
    hooks = config.get('default_hooks') or {}
    chosen = (hooks.get('checkpoint') or {}).get('save_best')
    if isinstance(chosen, str) and chosen in metrics:
        return chosen
    return next(iter(metrics))


def as_json(scores: Sequence[AlphaScore], delta: Delta) -> dict[str, Any]:
    """Scores of a sweep as plain values for JSON; NaN becomes None."""
    return {
        'formula': 'base + alpha * (tuned - base)',
        'new_tensors_at_tuned_values': sorted(delta.new),
        'scores': [
            {
                'alpha': score.alpha,
                'metrics': {
                    name: value if math.isfinite(value) else None
                    for name, value in score.metrics.items()
                },
            }
            for score in scores
        ],
    }
