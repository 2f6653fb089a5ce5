# Copyright (c) gps_seg contributors. Apache-2.0.
"""One line of progress at each validation of a run."""

import time
from typing import TextIO

from mmengine.hooks import Hook
from mmengine.runner import Runner

from gps_seg.text.clock import Clock
from gps_seg.visualization.plots.run_results import check_metrics


class ProgressHook(Hook):
    """Write one line at each validation: iteration, loss, score, time left.

    Args:
        label: First word of each line.
        stream: Destination of the lines.
    """

    priority = 'VERY_HIGH'  # so that the time excludes pictures of other hooks

    def __init__(self, label: str, stream: TextIO) -> None:
        self.label = label
        self.stream = stream
        self.start = time.monotonic()
        self.clock = Clock(0)
        self.seconds = 0.0

    def before_train(self, runner: Runner) -> None:
        """Start the clock; the selection is part of the training time."""
        self.start = time.monotonic()
        self.clock = Clock(runner.max_iters)

    def after_train(self, runner: Runner) -> None:
        """Stop the clock."""
        self.seconds = time.monotonic() - self.start

    def after_val_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Write the line; raise ValueError if scores are missing."""
        if runner.iter == 0 or not metrics:
            return
        check_metrics(metrics, runner.work_dir)
        loss = runner.message_hub.get_scalar('train/loss').mean()
        self.write(
            f'  {self.label:8} iteration {runner.iter:3d}/{runner.max_iters}'
            f'  loss {loss:.3f}  image mDice {metrics["image_mDice"]:5.1f}'
            f'  {self.clock.left(runner.iter)}'
        )

    def write(self, line: str) -> None:
        """Write a line without buffering, also into a pipe."""
        print(line, file=self.stream, flush=True)
