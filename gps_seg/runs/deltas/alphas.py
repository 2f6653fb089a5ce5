# Copyright (c) gps_seg contributors. Apache-2.0.
"""Test the models between a base and a tuned one (WiSE-FT).

They are ``base + alpha * (tuned - base)``, see "Robust fine-tuning of
zero-shot models" (Wortsman et al., CVPR 2022). Tensors that are new in the
task, such as the head, have no base; they keep their tuned values at every
alpha.
"""

import copy
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from gps_seg.delta import Delta, applied, scaled
from gps_seg.delta.attaching import require_nothing_added
from gps_seg.engine import build_base
from gps_seg.engine.runner_model import bare_model, leave_out_averages
from gps_seg.runs.launch import build_runner
from gps_seg.runs.own_visualizer import with_own_visualizer
from gps_seg.text.clock import Clock
from gps_seg.text.scores import score_text
from gps_seg.visualization import AlphaScore

Report = Callable[[str], None]
_TEST_PARTS = ('test_dataloader', 'test_cfg', 'test_evaluator')
_METRICS_SHOWN = 4


class SweepProgress(Hook):
    """Report the progress of a sweep, with the time left.

    Args:
        alphas: Values of alpha to test, in order.
        report: Function that prints a line.
    """

    def __init__(self, alphas: Sequence[float], report: Report) -> None:
        self.alphas = alphas
        self.report = report
        self.tested = 0  # alphas
        self.batches = 0  # in all alphas
        self.clock: Clock | None = None

    def before_test_epoch(self, runner: Runner) -> None:
        """Start the clock with the first alpha."""
        if self.clock is None:
            batches = len(runner.test_dataloader)
            self.clock = Clock(batches * len(self.alphas))

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Any = None,
    ) -> None:
        """Report a line from time to time."""
        self.batches += 1
        if self.clock.is_due(self.batches):
            self.report(
                f'alpha {self.alphas[self.tested]:g}: batch '
                f'{batch_idx + 1}/{len(runner.test_dataloader)}, '
                f'{self.clock.left(self.batches)}'
            )

    def finish(self, score: AlphaScore) -> None:
        """Report the scores of an alpha."""
        self.tested += 1
        shown = list(score.metrics.items())[:_METRICS_SHOWN]
        numbers = ', '.join(f'{name} {score_text(s)}' for name, s in shown)
        self.report(
            f'alpha {score.alpha:g} ({self.tested} of {len(self.alphas)}): '
            f'{numbers}; {self.clock.left(self.batches)}'
        )


def sweep(
    config: Config,
    delta: Delta,
    alphas: Sequence[float],
    report: Report,
) -> list[AlphaScore]:
    """Test the model at each ``alpha``, and return the scores in that order.

    Only logs are written, into a folder that is removed at the end.

    Args:
        config: Config of the base and its test set; not changed.
        delta: Delta of the task.
        alphas: Different finite numbers; 0 is the base with the task's head,
            1 the tuned model, both bit for bit.
        report: Function that prints a line; called from time to time and
            after each ``alpha``, with the time left.

    Raises:
        ValueError: If there are no alphas, the config has no test set, its
            model is not the base of the delta, or the delta adds modules.
    """
    _check(config, alphas)
    require_nothing_added('sweep', delta)
    with TemporaryDirectory(prefix='gps_seg_sweep_') as folder:
        runner = base_runner(config, folder, delta.info.seed)
        progress = SweepProgress(alphas, report)
        runner.register_hook(progress)
        return [_score(runner, delta, alpha, progress) for alpha in alphas]


def base_runner(config: Config, work_dir: str, seed: int | None) -> Runner:
    """Build a runner whose model is the base and stays it during a test.

    Args:
        config: Config of the base; not changed.
        work_dir: Folder for the logs.
        seed: Seed of the training, for tensors that are initialised randomly.
    """
    base = build_base(config, seed)
    config = copy.deepcopy(config)
    config.work_dir = work_dir
    config = with_own_visualizer(config)
    config.load_from, config.resume = None, False  # the base is complete
    config.launcher = 'none'
    config.log_level = 'WARNING'
    # Loggers are singletons by this name. That of an earlier runner would
    # write into the folder of that runner.
    config.experiment_name = Path(work_dir).name
    runner = build_runner(config)
    leave_out_averages(runner)
    bare_model(runner).load_state_dict(base.state_dict())
    return runner


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
