# Copyright (c) gps_seg contributors. Apache-2.0.
"""The time of the next progress report, and the time that is left."""

import time
from datetime import timedelta

#: Shortest time between two reports of progress, in seconds.
REPORT_SECONDS = 15
# Approximate limit on the number of reports, however long a task takes.
_MOST_REPORTS = 50


class Clock:
    """A clock that knows when to report progress and how much time is left.

    Args:
        total: Number of steps.
        done: Number of steps done before the clock starts.
    """

    def __init__(self, total: int, done: int = 0) -> None:
        self.total = total
        self.done_before = done
        self.start = self.reported = time.monotonic()

    def is_due(self, done: int) -> bool:
        """Whether to report after ``done`` steps; True counts as a report."""
        now = time.monotonic()
        whole = now - self.start + self._seconds_left(done)
        if now - self.reported < max(REPORT_SECONDS, whole / _MOST_REPORTS):
            return False
        self.reported = now
        return True

    def left(self, done: int) -> str:
        """Time left after ``done`` steps, such as ``0:01:30 left``."""
        if done == self.done_before < self.total:
            return 'time left unknown'  # no step was timed
        return f'{timedelta(seconds=round(self._seconds_left(done)))} left'

    def _seconds_left(self, done: int) -> float:
        spent = time.monotonic() - self.start
        steps = max(1, done - self.done_before)
        return spent / steps * max(0, self.total - done)
