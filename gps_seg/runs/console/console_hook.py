# Copyright (c) gps_seg contributors. Apache-2.0.
"""The hook that writes the lines of a training or a test on the console."""

import math
from collections.abc import Mapping
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner

from gps_seg.engine.runner_model import is_training
from gps_seg.runs.console.header import describe_test, describe_training
from gps_seg.runs.console.scores import BestScore, format_scores
from gps_seg.runs.console.screen import Console
from gps_seg.text.clock import Clock

#: Number of iterations over which a loss is averaged.
_LOSSES = 10


class ConsoleHook(Hook):
    """Write a description of the run, its progress and its scores.

    The tools add this hook to a runner. A config cannot name it.

    Attributes:
        begun: Whether the run has begun, so that data, model and weights were
            complete.

    Args:
        console: Console to write to.
        title: First line of the report, such as the config.
    """

    # Before the selection, and before the pictures are drawn.
    priority = 'VERY_HIGH'

    def __init__(self, console: Console, title: str) -> None:
        self.console = console
        self.title = title
        self.begun = False
        self.best: BestScore | None = None
        self._steps: Clock | None = None
        self._evaluation = Clock(0)

    def before_run(self, runner: Runner) -> None:
        """Describe the run, now that data and model are known."""
        describe = describe_training if is_training(runner) else describe_test
        self.console.write(f'{self.title}\n{describe(runner)}')

    def before_train(self, runner: Runner) -> None:
        """Report the position at which a resumed run continues."""
        self.begun = True
        self.best = BestScore.of(runner)
        if runner._resume:
            self.console.write(
                f'Resuming at {_position(runner, runner.iter)} from '
                f'{runner._load_from}: weights, selection, optimizer and '
                'schedule are restored.'
            )

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Start the clock; the selection is over."""
        if self._steps is None:
            self._steps = Clock(runner.max_iters, runner.iter)

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Any = None,
    ) -> None:
        """Report the loss from time to time, and after the last iteration."""
        done = runner.iter + 1
        if self._steps.is_due(done) or done == runner.max_iters:
            self.console.write(
                f'Training: {_position(runner, done)}, {_losses(runner)}, '
                f'{self._steps.left(done)}'
            )

    def before_val_epoch(self, runner: Runner) -> None:
        """Start the clock of the validation."""
        self._evaluation = Clock(len(runner.val_dataloader))

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Any = None,
    ) -> None:
        """Report the progress of a long validation."""
        self._report_batch('Validation', batch_idx + 1)

    def after_val_epoch(
        self, runner: Runner, metrics: Mapping[str, Any] | None = None
    ) -> None:
        """Report the scores, and whether they are the best so far."""
        if self.best is None or not metrics:
            return
        mark = ', the best so far' if self.best.update(metrics, runner) else ''
        self.console.write(
            f'Validation after {_position(runner, runner.iter)}: '
            f'{format_scores(metrics, self.best.name)}{mark}'
        )

    def before_test_epoch(self, runner: Runner) -> None:
        """Start the clock of the test."""
        self.begun = True
        self._evaluation = Clock(len(runner.test_dataloader))

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Any = None,
    ) -> None:
        """Report the progress of the test."""
        self._report_batch('Test', batch_idx + 1)

    def _report_batch(self, what: str, done: int) -> None:
        clock = self._evaluation
        if clock.is_due(done):
            self.console.write(
                f'{what}: batch {done}/{clock.total}, {clock.left(done)}'
            )


def _position(runner: Runner, done: int) -> str:
    """Position of a run after a number of iterations, with its epoch."""
    steps = f'iteration {done}/{runner.max_iters}'
    if not isinstance(runner.train_loop, EpochBasedTrainLoop):
        return steps
    length = max(1, len(runner.train_dataloader))
    epoch = max(1, math.ceil(done / length))
    return f'epoch {epoch}/{runner.max_epochs}, {steps}'


def _losses(runner: Runner) -> str:
    """Mean loss of the last iterations, and the learning rate."""
    hub, words = runner.message_hub.log_scalars, []
    if 'train/loss' in hub:
        words.append(f'loss {hub["train/loss"].mean(_LOSSES):.4f}')
    if 'train/lr' in hub:
        words.append(f'lr {hub["train/lr"].current():.1e}')
    return ', '.join(words)
