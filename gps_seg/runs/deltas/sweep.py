# Copyright (c) gps_seg contributors. Apache-2.0.
"""``delta.py sweep``: plot the scores between the base and the tuned model."""

import json
import math
from argparse import Namespace
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from mmengine.config import Config

from gps_seg.delta import Delta
from gps_seg.engine.reporting.environment import describe_environment
from gps_seg.models.weight_files import write_once
from gps_seg.runs.deltas.alphas import sweep
from gps_seg.runs.launch import load_config
from gps_seg.visualization import AlphaScore, plot_alpha_sweep


def run(args: Namespace) -> str:
    """Sweep, plot the metrics against ``alpha``, and write the numbers.

    Without ``--metric`` the ``save_best`` of the config is plotted, or else
    the first metric.

    Returns:
        Names of the picture and of the numbers, a ``.json`` beside it.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If there is no such metric, or the config, the delta and
            the alphas do not fit each other.
    """
    config = load_config(str(args.config), overrides=args.cfg_options)
    delta = Delta.load(args.delta)
    scores = sweep(config, delta, args.alphas, partial(print, flush=True))
    content = {
        'config': str(config.filename),
        'delta': str(args.delta),
        **as_json(scores, delta),
        'environment': describe_environment(),
    }
    # Before the plot, so that a misspelt metric does not lose the numbers.
    numbers = args.out.with_suffix('.json')
    write_once(numbers, f'{json.dumps(content, indent=2)}\n'.encode())
    shown = args.metric or [main_metric(config, scores[0].metrics)]
    return f'{plot_alpha_sweep(scores, shown, args.out)}\n{numbers}'


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
