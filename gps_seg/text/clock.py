# Copyright (c) gps_seg contributors. Apache-2.0.
"""When to report progress, and how long the rest will take."""

import time
from datetime import timedelta

#: Seconds between two reports of progress, at least.
REPORT_SECONDS = 15
# At most about so many reports of one thing, however long it takes.
_MOST_REPORTS = 50


class Clock:
    """Says when a report of progress is due, and estimates the time left.

    Args:
        total: Number of steps.
        done: Number of steps that were done before the clock starts.
    """

    def __init__(self, total: int, done: int = 0) -> None:
        self.total = total
        self.done_before = done
        self.start = self.reported = time.monotonic()

    def is_due(self, done: int) -> bool:
        """Whether to report after ``done`` steps; a yes counts as a report."""
        now = time.monotonic()
        whole = now - self.start + self._seconds_left(done)
        if now - self.reported < max(REPORT_SECONDS, whole / _MOST_REPORTS):
            return False
        self.reported = now
        return True

    def left(self, done: int) -> str:
        """Time left after ``done`` steps, as ``0:01:30 left``."""
        return f'{timedelta(seconds=round(self._seconds_left(done)))} left'

    def _seconds_left(self, done: int) -> float:
        spent = time.monotonic() - self.start
        steps = max(1, done - self.done_before)
        return spent / steps * max(0, self.total - done)
