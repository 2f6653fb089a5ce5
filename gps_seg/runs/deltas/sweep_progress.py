# Copyright (c) gps_seg contributors. Apache-2.0.
"""How far is a sweep, and how long will it take?"""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from gps_seg.visualization.alpha_sweep import AlphaScore

Report = Callable[[str], None]
_REPORT_SECONDS = 10.0
_METRICS_SHOWN = 4


class SweepProgress(Hook):
    """Tell how far a sweep is, and how long it will take.

    Args:
        alphas: All that will be tested.
        report: Gets the lines.
    """

    def __init__(self, alphas: Sequence[float], report: Report) -> None:
        self.alphas = alphas
        self.report = report
        self.tested = 0  # alphas that are done
        self.batches = 0  # of all alphas
        self.start = self.told = time.monotonic()

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Any = None,
    ) -> None:
        """Write a line if the last one is some time ago."""
        self.batches += 1
        self.per_alpha = len(runner.test_dataloader)
        now = time.monotonic()
        if now - self.told >= _REPORT_SECONDS:
            self.told = now
            self.report(
                f'alpha {self.alphas[self.tested]:g}: batch '
                f'{batch_idx + 1}/{self.per_alpha}, {self._left()} left'
            )

    def finish(self, score: AlphaScore) -> None:
        """Write the line of an alpha."""
        self.tested += 1
        shown = list(score.metrics.items())[:_METRICS_SHOWN]
        numbers = ', '.join(f'{name} {value:.2f}' for name, value in shown)
        self.report(
            f'alpha {score.alpha:g} ({self.tested} of {len(self.alphas)}): '
            f'{numbers}; {self._left()} left'
        )

    def _left(self) -> timedelta:
        seconds = time.monotonic() - self.start
        total = self.per_alpha * len(self.alphas)
        left = seconds / self.batches * (total - self.batches)
        return timedelta(seconds=round(left))
