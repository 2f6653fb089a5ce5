# Copyright (c) gps_seg contributors. Apache-2.0.
"""Runs side by side in one process: scores, costs and pictures of each."""

from __future__ import annotations

import copy
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
from gps_seg.engine.reporting.progress_hook import ProgressHook
from gps_seg.engine.reporting.report_hook import last_scores
from gps_seg.engine.runner_model import bare_model
from gps_seg.engine.training.peft_hook import PeftHook
from gps_seg.runs.console import quiet
from gps_seg.runs.launch import build_runner
from gps_seg.visualization import (
    MethodRun,
    Overlay,
    plot_comparison,
    plot_overlays,
)
from gps_seg.visualization.run_results import METRICS


class Run(NamedTuple):
    """A run that is over.

    Args:
        method: Its name in tables and pictures.
        runner: After training, or after a validation alone.
        num_trained: Values that the optimizer stepped.
        num_selected: Those of them that are single entries of a weight.
        seconds: Time of selecting and training, validations included.
    """

    method: str
    runner: Runner
    num_trained: int
    num_selected: int
    seconds: float

    @property
    def num_values(self) -> int:
        """Values of all parameters of the model."""
        return sum(p.numel() for p in bare_model(self.runner).parameters())

    @property
    def scores(self) -> dict[str, float]:
        """``METRICS`` of the last validation, in percent."""
        hub = self.runner.message_hub
        return {
            name: float(hub.get_scalar(f'val/{name}').current())
            for name in METRICS
        }


def train_quietly(method: str, config: Config) -> Run:
    """Train by a config with a PeftHook; print a few lines of progress."""
    progress = ProgressHook(method, sys.stdout)
    with quiet():
        runner = _build(config)
        runner.register_hook(progress)
        runner.train()
    groups = runner.optim_wrapper.optimizer.param_groups
    return Run(
        method,
        runner,
        num_trained=sum(p.numel() for g in groups for p in g['params']),
        num_selected=_num_selected(runner),
        seconds=progress.seconds,
    )


def validate_quietly(method: str, config: Config) -> Run:
    """Validate the weights that the config loads; nothing is trained."""
    with quiet():
        runner = _build(config)
        runner.val()
    return Run(method, runner, num_trained=0, num_selected=0, seconds=0.0)


def _build(config: Config) -> Runner:
    """A runner whose visualizer is its own."""
    # Visualizers are singletons by name: under a common name all the runs of
    # a process would log into the folder of the first.
    config = copy.deepcopy(config)
    config.visualizer.name = config.work_dir
    return build_runner(config)


def format_runs(runs: Sequence[Run]) -> str:
    """A table with one line per run."""
    lines = [
        f'{"method":8} {"trained values":>21} {"mDice":>7} {"mIoU":>7} '
        f'{"image mDice":>12} {"image mIoU":>11} {"seconds":>8}'
    ]
    for run in runs:
        share = f'({run.num_trained / run.num_values:.2%})'
        scores = run.scores
        lines.append(
            f'{run.method:8} {run.num_trained:>11,} {share:>9} '
            f'{scores["mDice"]:7.2f} {scores["mIoU"]:7.2f} '
            f'{scores["image_mDice"]:12.2f} {scores["image_mIoU"]:11.2f} '
            f'{run.seconds:8.1f}'
        )
    return '\n'.join(lines)


def plot_runs(runs: Sequence[Run], out_png: Path) -> Path:
    """Image mDice of each trained run beside what it trained."""
    rows = [
        MethodRun(
            run.method,
            run.scores['image_mDice'],
            run.num_trained / run.num_values,
        )
        for run in runs
        if run.num_trained
    ]
    return plot_comparison(rows, out_png, 'image mDice')


def plot_predictions(
    runs: Sequence[Run], chosen_by: Run, out_png: Path
) -> Path:
    """The same three images as each run predicts them.

    Args:
        runs: Runs with the same validation images.
        chosen_by: Variant by whose scores the images are worst, median and
            best.
        out_png: Where the picture goes.
    """
    examples = pick_examples(last_scores(chosen_by.runner), num_each=1)
    rows: list[Overlay] = []
    for example in examples:
        for run in runs:
            own = {s.img_path: s for s in last_scores(run.runner)}
            dice = own[example.img_path].dice
            shown = Example(run.method, example.img_path, dice)
            rows += predict_examples(run.runner, [shown])
    return plot_overlays(rows, out_png)


def _num_selected(runner: Runner) -> int:
    hooks = [hook for hook in runner.hooks if isinstance(hook, PeftHook)]
    return sum(len(entries) for h in hooks for entries in h.selection.values())
