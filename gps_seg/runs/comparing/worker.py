# Copyright (c) gps_seg contributors. Apache-2.0.
"""Take runs from a comparison until none is left.

Several workers may share the folder, on one machine or over a network file
system, and need no server: a worker holds the lock of a run while it trains.
The system frees the lock when the process ends, however it ends.
"""

import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from gps_seg.comparison.records import RunRecord
from gps_seg.files import write_json
from gps_seg.runs.comparing.jobs import FAILED_FILE, Job, Jobs
from gps_seg.runs.comparing.running import run_job
from gps_seg.text.clock import Clock

_LOCK = '.lock'
_SECONDS_BETWEEN_LOOKS = 5


def work(
    jobs: Jobs,
    unseen: Mapping[str, Mapping[str, Any]],
    report: Callable[[str], None],
) -> None:
    """Train runs until all are over, by this worker or by others.

    Args:
        jobs: Runs of the comparison.
        unseen: Data sets of other images on which final runs are scored.
        report: Function that prints a line.
    """
    _report_failures(jobs, report)
    clock = Clock(jobs.number, _number_over(jobs))

    def train(job: Job) -> None:
        over = _number_over(jobs)
        left = clock.left(over)
        report(f'{over + 1}/{jobs.number}: {job.label}, {left}')
        _attempt(job, jobs, unseen, report)

    share(jobs.ready, lambda job: not job.is_over, train, report)


def _report_failures(jobs: Jobs, report: Callable[[str], None]) -> None:
    """Say once that runs of an earlier call failed, and what to do."""
    failed = [job for job in jobs.ready() if job.has_failed]
    if failed:
        runs = '1 run' if len(failed) == 1 else f'{len(failed)} runs'
        report(
            f'{runs} failed earlier; to try again, remove {FAILED_FILE} of '
            + ', '.join(str(job.folder) for job in failed)
        )


def _number_over(jobs: Jobs) -> int:
    return sum(job.is_over for job in jobs.ready())


def share(
    jobs: Callable[[], Sequence[Job]],
    is_open: Callable[[Job], bool],
    do: Callable[[Job], None],
    report: Callable[[str], None],
) -> None:
    """Do something for each open job, shared with other workers.

    A job is done by the worker that holds the lock of its folder. The call
    returns when no job is open any more, so it waits for those of others.

    Args:
        jobs: Function that lists the jobs, in the order in which they are
            done; called again after each.
        is_open: Function that says whether a job is still to be done.
        do: Function that does it.
        report: Function that prints a line when a wait for others begins.
    """
    waits = False
    while waiting := [job for job in jobs() if is_open(job)]:
        for job in waiting:
            with claimed(job.folder) as is_mine:
                if is_mine and is_open(job):
                    do(job)
                    waits = False
                    break
        else:
            if not waits:
                report(f'waiting for runs of other workers: {len(waiting)}')
            waits = True
            time.sleep(_SECONDS_BETWEEN_LOOKS)


@contextmanager
def claimed(folder: Path) -> Iterator[bool]:
    """A context in which a folder is this worker's, if it yields True."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / _LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


@contextmanager
def alone_in(folder: Path, report: Callable[[str], None]) -> Iterator[None]:
    """A context in which a folder is this worker's; waits until it is."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        report('waiting for another worker, which measures the costs')
        lock.acquire(poll_interval=_SECONDS_BETWEEN_LOOKS)
    try:
        yield
    finally:
        lock.release()


def _attempt(
    job: Job,
    jobs: Jobs,
    unseen: Mapping[str, Mapping[str, Any]],
    report: Callable[[str], None],
) -> None:
    """Train a run; an error of it does not end the others."""
    others = _treated_alike(job, jobs)
    try:
        run_job(job, unseen, others)
    # The code of a model may raise anything.
    except Exception as error:
        report(f'  failed: {error}')
        facts = {'error': str(error), 'trace': traceback.format_exc()}
        write_json(facts, Path(job.folder, FAILED_FILE))


def _treated_alike(job: Job, jobs: Jobs) -> list[RunRecord]:
    """Finished runs of other variants with the same data and seed."""
    return [
        other.record
        for other in jobs.ready()
        if other.is_finished
        and (other.is_tuning, other.seed) == (job.is_tuning, job.seed)
    ]
