# Copyright (c) gps_seg contributors. Apache-2.0.
"""Rounds that measure every method in turn, each in a fresh process.

Turns let a busy phase of the machine slow down all methods instead of one. A
fresh process starts without the memory of the previous method.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import gps_seg
from gps_seg.benchmark.counters import Bytes, Counts
from gps_seg.benchmark.inference import TunedModel
from gps_seg.benchmark.methods import METHODS, Row
from gps_seg.benchmark.settings import Settings
from gps_seg.text.clock import Clock

WORKER = 'gps_seg.benchmark.worker'


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
    """

    row: Row
    problem: str | None = None
    seconds: list[list[float]] = field(default_factory=list)
    peaks: list[int | None] = field(default_factory=list)
    loads: list[float] = field(default_factory=list)
    counts: Counts | None = None
    tuned: TunedModel | None = None
    num_threads: int | None = None

    def add(self, visit: dict[str, Any], load: float) -> None:
        """Add the result of one visit."""
        self.seconds.append(visit['seconds'])
        self.peaks.append(visit['peak'])
        self.loads.append(load)
        self.num_threads = visit['num_threads']
        if visit['counts'] is not None:
            saved, *parts = visit['counts']
            self.counts = Counts(saved, *(Bytes(*part) for part in parts))
            self.tuned = TunedModel(*visit['tuned_model'])


def select_once(
    settings: Settings, rows: Iterable[Row], folder: Path
) -> list[dict[str, Any]]:
    """Write the selections that the rows need.

    Args:
        settings: Settings of the run.
        rows: Rows to be measured.
        folder: Folder for the selections; created if missing.

    Returns:
        Facts about each selection.

    Raises:
        RuntimeError: If the pass fails, as for a ``k`` above a fan-in.

    Example::

        facts = select_once(settings, rows_of(['ours'], [1]), Path('out'))
    """
    ks = sorted({row.k for row in rows if row.k is not None})
    if not ks:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    files = [str(selection_file(folder, k)) for k in ks]
    facts: list[dict[str, Any]] = run_worker(
        {'task': 'select', 'settings': asdict(settings)}
        | {'ks': ks, 'files': files}
    )
    return facts


def selection_file(folder: Path, k: int) -> Path:
    """Path of the selection of ``k`` connections per neuron."""
    return folder / f'selection_k{k}.safetensors'


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
    }
    try:
        measurement.add(run_worker(task), load)
    except RuntimeError as error:
        measurement.problem = str(error)


def describe(measurement: Measurement) -> str:
    """One visit in a few words."""
    label = f'{measurement.row.label:12}'
    if measurement.problem is not None:
        return f'{label} {measurement.problem}'
    best = min(measurement.seconds[-1])
    return f'{label} {1000 * best:9.1f} ms (best step)'


def run_worker(task: dict[str, Any], module: str = WORKER) -> Any:
    """Run a task in a fresh process and return its result.

    Args:
        task: Task of the worker, as JSON.
        module: Module of the worker.

    Raises:
        RuntimeError: If the process fails.
    """
    root = str(Path(gps_seg.__file__).parents[1])
    path = os.pathsep.join(filter(None, [root, os.environ.get('PYTHONPATH')]))
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder, 'result.json')
        done = subprocess.run(
            [sys.executable, '-m', module, json.dumps(task), str(result)],
            check=False,  # the error below has one line
            capture_output=True,
            text=True,
            env={**os.environ, 'PYTHONPATH': path},
        )
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or ['no message']
            raise RuntimeError(
                f'exit status {done.returncode}: {lines[-1].strip()}'
            )
        return json.loads(result.read_text(encoding='utf-8'))
