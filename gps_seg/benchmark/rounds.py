# Copyright (c) gps_seg contributors. Apache-2.0.
"""Rounds that measure every method in turn, each in a fresh process.

Turns let a busy phase of the machine slow down all methods instead of one. A
fresh process starts without the memory of the previous method.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gps_seg.benchmark.counters import Bytes, Counts
from gps_seg.benchmark.inference import TunedModel
from gps_seg.benchmark.methods import METHODS
from gps_seg.benchmark.preparation import selection_file
from gps_seg.benchmark.processes import run_worker
from gps_seg.benchmark.rows import Row
from gps_seg.benchmark.settings import Settings
from gps_seg.benchmark.tasks.compilation import Compilation
from gps_seg.text.clock import Clock


@dataclass
class Measurement:
    """All measurements of one row.

    Args:
        row: Method and its k.
        problem: Reason why it could not be measured, or None.
        seconds: Time of each timed step in seconds, one list per round.
        peaks: Peak memory in bytes per round; None if unknown.
        loads: Load of the machine (processes) before each visit.
        counts: Counted bytes, which are equal in every round.
        tuned: Trained values and cost of the tuned model.
        num_threads: Number of torch's threads in the measured process.
        compilation: Counts of the compiler in the last round; None without
            it.
    """

    row: Row
    problem: str | None = None
    seconds: list[list[float]] = field(default_factory=list)
    peaks: list[int | None] = field(default_factory=list)
    loads: list[float] = field(default_factory=list)
    counts: Counts | None = None
    tuned: TunedModel | None = None
    num_threads: int | None = None
    compilation: Compilation | None = None

    def add(self, visit: dict[str, Any], load: float) -> None:
        """Add the result of one visit."""
        self.seconds.append(visit['seconds'])
        self.peaks.append(visit['peak'])
        self.loads.append(load)
        self.num_threads = visit['num_threads']
        if visit['compilation'] is not None:
            self.compilation = Compilation(*visit['compilation'])
        if visit['counts'] is not None:
            saved, *parts = visit['counts']
            self.counts = Counts(saved, *(Bytes(*part) for part in parts))
            self.tuned = TunedModel(*visit['tuned_model'])


def run_rounds(
    settings: Settings,
    rows: Sequence[Row],
    folder: Path,
    report: Callable[[str], None],
) -> Iterator[list[Measurement]]:
    """Measure the rows, and yield all measurements after every round.

    A method that fails, or whose package is missing, is skipped with its
    reason; the others go on.

    Args:
        settings: Settings of the run.
        rows: Rows to measure, in order.
        folder: Folder with the selections of :func:`select_once`.
        report: Function that receives one line after every visit.

    Yields:
        Measurements of all rows.

    Example::

        for measurements in run_rounds(settings, rows, folder, print):
            print(format_tables(measurements))
    """
    measurements = [Measurement(row, problem_of(row)) for row in rows]
    clock, done = Clock(len(rows) * settings.rounds), 0
    for number in range(1, settings.rounds + 1):
        for measurement in measurements:
            done += 1
            if measurement.problem is None:
                visit(settings, measurement, folder)
            report(
                f'round {number}/{settings.rounds}  {describe(measurement)}'
                f'  ({clock.left(done)})'
            )
        yield measurements


def problem_of(row: Row) -> str | None:
    """Reason why a row cannot be measured, if known beforehand."""
    method = METHODS[row.method]
    if method.is_available:
        return None
    return f'needs the package {method.requires}, which is not installed'


def visit(settings: Settings, measurement: Measurement, folder: Path) -> None:
    """Measure one row for one round, in a process of its own."""
    row, load = measurement.row, os.getloadavg()[0]
    file = None if row.k is None else str(selection_file(folder, row.k))
    task = {'task': 'measure', 'settings': asdict(settings)} | {
        'method': row.method,
        'selection': file,
        'count': measurement.counts is None,
        'options': dict(row.settings),
        'attention': row.attention,
        'variant': row.variant,
    }
    try:
        measurement.add(run_worker(task), load)
    except RuntimeError as error:
        measurement.problem = str(error)


def describe(measurement: Measurement) -> str:
    """One visit in a few words."""
    label = f'{measurement.row.label:22}'
    if measurement.problem is not None:
        return f'{label} {measurement.problem}'
    best = min(measurement.seconds[-1])
    return f'{label} {1000 * best:9.1f} ms (best step)'


def serve_rounds(
    settings: Settings, k: int, folder: Path
) -> dict[str, list[list[float]]]:
    """Time inference: the host as shipped, fused, and with a delta.

    Args:
        settings: Settings of the run.
        k: Connections per neuron of the delta.
        folder: Folder with the selections of :func:`select_once`.

    Returns:
        Seconds of each timed batch, one list per round, by the label of the
        row.

    Example::

        seconds = serve_rounds(settings, 1, Path('out'))['inference fused']
    """
    task = {'task': 'serve', 'settings': asdict(settings)}
    task['selection'] = str(selection_file(folder, k))
    visits = [run_worker(task) for _ in range(settings.rounds)]
    return {label: [v[label] for v in visits] for label in visits[0]}
