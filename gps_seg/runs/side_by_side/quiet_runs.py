# Copyright (c) gps_seg contributors. Apache-2.0.
"""Several runs in one process, with their scores, costs and pictures."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mmengine.config import Config
from mmengine.runner import Runner

from gps_seg.engine.reporting.examples import (
    Example,
    pick_examples,
    predict_examples,
)
from gps_seg.engine.reporting.report_hook import last_scores
from gps_seg.engine.reporting.trained_values import TrainedValues
from gps_seg.runs.console.screen import quiet
from gps_seg.runs.launch import build_runner
from gps_seg.runs.own_visualizer import with_own_visualizer
from gps_seg.runs.side_by_side.progress_hook import ProgressHook
from gps_seg.runs.what_trained import what_trained
from gps_seg.text.scores import METRICS
from gps_seg.text.table import aligned
from gps_seg.visualization import (
    GridRow,
    MethodRun,
    plot_comparison,
    plot_prediction_grid,
)


class Run(NamedTuple):
    """A finished run.

    Args:
        method: Name in tables and pictures.
        runner: Runner after its training, or after a validation.
        trained: Number of values that the optimizer stepped.
        seconds: Time of selection and training, including validations.
    """

    method: str
    runner: Runner
    trained: TrainedValues
    seconds: float

    @property
    def scores(self) -> dict[str, float]:
        """``METRICS`` of the last validation, in percent."""
        hub = self.runner.message_hub
        return {
            name: float(hub.get_scalar(f'val/{name}').current())
            for name in METRICS
        }


def train_quietly(method: str, config: Config) -> Run:
    """Train a config with a PeftHook; print a few lines of progress."""
    progress = ProgressHook(method, sys.stdout)
    with quiet():
        runner = build_runner(with_own_visualizer(config))
        runner.register_hook(progress)
        runner.train()
    return Run(method, runner, what_trained(runner), progress.seconds)


def validate_quietly(method: str, config: Config) -> Run:
    """Validate the weights that the config loads; nothing is trained."""
    with quiet():
        runner = build_runner(with_own_visualizer(config))
        runner.val()
    total = what_trained(runner).total
    return Run(method, runner, TrainedValues(0, 0, 0, 0, total), seconds=0.0)


def format_runs(runs: Sequence[Run]) -> str:
    """A table with one line per run.

    Args:
        runs: Runs, one or more, each with a validation.
    """
    header = ['method', 'trained values', '%', *METRICS, 'seconds']
    return aligned([header, *map(_cells, runs)])


def _cells(run: Run) -> list[str]:
    return [
        run.method,
        f'{run.trained.trained:,}',
        f'{100 * run.trained.share:.2f}',
        *(f'{run.scores[name]:.2f}' for name in METRICS),
        f'{run.seconds:.1f}',
    ]


def plot_runs(runs: Sequence[Run], out: Path) -> Path:
    """Plot the image mDice of each run, and its share of trained values.

    Args:
        runs: Runs, one or more, each with a validation.
        out: Name of the picture.

    Returns:
        The path written.
    """
    rows = [
        MethodRun(run.method, run.scores['image_mDice'], run.trained.share)
        for run in runs
    ]
    return plot_comparison(rows, out, 'image mDice')


def plot_predictions(runs: Sequence[Run], chosen_by: Run, out: Path) -> Path:
    """Draw the predictions of each run for three images, one per row.

    Args:
        runs: Runs with the same validation images.
        chosen_by: Run whose worst, median and best images are drawn.
        out: Name of the picture.

    Returns:
        The path written.
    """
    examples = pick_examples(last_scores(chosen_by.runner), num_each=1)
    return plot_prediction_grid([_row(e, runs) for e in examples], out)


def _row(example: Example, runs: Sequence[Run]) -> GridRow:
    path = example.img_path
    shown, captions = {}, {}
    for run in runs:
        dice = {s.img_path: s.dice for s in last_scores(run.runner)}[path]
        (shown[run.method],) = predict_examples(run.runner, [example])
        captions[run.method] = f'Dice {dice:.1f}'
    any_run = next(iter(shown.values()))
    return GridRow(
        any_run.image,
        any_run.truth,
        {method: overlay.prediction for method, overlay in shown.items()},
        title='\n'.join([example.group, Path(path).stem]),
        captions=captions,
    )
