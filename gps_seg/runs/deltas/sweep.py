# Copyright (c) gps_seg contributors. Apache-2.0.
"""Test the models between a base and a tuned one (WiSE-FT).

``base + alpha * (tuned - base)``, after "Robust fine-tuning of zero-shot
models" (Wortsman et al., CVPR 2022). Tensors that are new in the task, such
as the head, have no base; they keep their tuned values at every alpha.
"""

import copy
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

from gps_seg.delta import Delta, applied, scaled
from gps_seg.engine.reporting.environment import describe_environment
from gps_seg.engine.runner_model import bare_model, leave_out_averages
from gps_seg.engine.testing.task_model import build_base
from gps_seg.files import require_new
from gps_seg.models.weight_files import write_once
from gps_seg.runs.deltas.sweep_progress import Report, SweepProgress
from gps_seg.runs.launch import build_runner, load_config
from gps_seg.visualization.alpha_sweep import AlphaScore, plot_alpha_sweep

_TEST_PARTS = ('test_dataloader', 'test_cfg', 'test_evaluator')


def sweep(
    config: Config,
    delta: Delta,
    alphas: Sequence[float],
    report: Report,
) -> list[AlphaScore]:
    """Scores on the test set of a config for each ``alpha``, in that order.

    Nothing is written but logs, into a folder that is removed at the end.

    Args:
        config: Builds the base of the delta; left as it is.
        delta: The task.
        alphas: Finite numbers, each once; 0 is the base with the task's head,
            1 the tuned model, both bit for bit.
        report: Gets a line every ten seconds and after each ``alpha``, with
            the time left.

    Raises:
        ValueError: If there are no alphas, the config has no test set, or
            builds another model than the base of the delta.
    """
    _check(config, alphas)
    with TemporaryDirectory(prefix='gps_seg_sweep_') as folder:
        runner = base_runner(config, folder, delta.info.seed)
        progress = SweepProgress(alphas, report)
        runner.register_hook(progress)
        return [_score(runner, delta, alpha, progress) for alpha in alphas]


def base_runner(config: Config, work_dir: str, seed: int | None) -> Runner:
    """A runner whose model is the base, and stays it when the runner tests.

    Args:
        config: Builds the base; left as it is.
        work_dir: Folder for the logs.
        seed: As for :func:`~gps_seg.engine.testing.task_model.build_base`.
    """
    base = build_base(config, seed)
    config = copy.deepcopy(config)
    config.work_dir = work_dir
    config.load_from, config.resume = None, False  # it is in the base
    config.launcher = 'none'
    config.log_level = 'WARNING'
    # Loggers and visualizers are singletons by name; those of an earlier
    # runner would write into its folder.
    config.experiment_name = Path(work_dir).name
    if config.get('visualizer') is not None:
        config.visualizer.name = config.experiment_name
    runner = build_runner(config)
    leave_out_averages(runner)
    bare_model(runner).load_state_dict(base.state_dict())
    return runner


def sweep_files(
    config_file: Path,
    delta_file: Path,
    out: Path,
    *,
    alphas: Sequence[float],
    metrics: Sequence[str] | None,
    report: Report,
) -> str:
    """Sweep, draw the metrics against ``alpha``, and write the numbers.

    Args:
        config_file: Builds the base of the delta.
        delta_file: The task.
        out: Picture, ``.png``; the numbers go into ``.json`` beside it.
        alphas: As for :func:`sweep`.
        metrics: Names of those to draw; None for the one by which the config
            keeps the best, or else the first that there is.
        report: As for :func:`sweep`.

    Raises:
        FileNotFoundError: If a file is missing.
        FileExistsError: If one of the two results is there.
        ValueError: As :func:`sweep`; also if there is no such metric.
    """
    png = require_new(out, '.png')
    numbers = require_new(out.with_suffix('.json'), '.json')
    delta = Delta.load(delta_file)
    config = load_config(str(config_file))
    scores = sweep(config, delta, alphas, report)
    content = {
        'config': str(config_file),
        'delta': str(delta_file),
        **as_json(scores, delta),
        'environment': describe_environment(),
    }
    # First of all, as a wrong name of a metric must not cost the numbers.
    write_once(numbers, f'{json.dumps(content, indent=2)}\n'.encode())
    shown = metrics or [main_metric(config, scores[0].metrics)]
    plot_alpha_sweep(scores, shown, png)
    return f'{png}\n{numbers}'


def main_metric(config: Config, metrics: Mapping[str, float]) -> str:
    """The metric by which the config keeps the best, or else the first."""
    hooks = config.get('default_hooks') or {}
    chosen = (hooks.get('checkpoint') or {}).get('save_best')
    if isinstance(chosen, str) and chosen in metrics:
        return chosen
    return next(iter(metrics))


def as_json(scores: Sequence[AlphaScore], delta: Delta) -> dict[str, Any]:
    """Scores of a sweep, as an object that JSON can hold."""
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


def _score(
    runner: Runner, delta: Delta, alpha: float, progress: SweepProgress
) -> AlphaScore:
    model = bare_model(runner)
    with applied(model, scaled(model, delta, alpha)):
        metrics = runner.test()
    numbers = {name: float(value) for name, value in metrics.items()}
    score = AlphaScore(alpha, numbers)
    progress.finish(score)
    return score


def _check(config: Config, alphas: Sequence[float]) -> None:
    legal = all(math.isfinite(alpha) for alpha in alphas)
    if not alphas or not legal or len(set(alphas)) < len(alphas):
        raise ValueError(
            'alphas: expected one or more different finite numbers, got '
            f'{list(alphas)}.'
        )
    missing = [part for part in _TEST_PARTS if config.get(part) is None]
    if missing:
        raise ValueError(
            f'config: expected a test set, got no {", ".join(missing)} '
            f'({config.filename}).'
        )
