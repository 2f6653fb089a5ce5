# Copyright (c) gps_seg contributors. Apache-2.0.
"""The scalars that MMEngine logged, as one history per run.

MMEngine appends JSON objects to ``vis_data/scalars.json``, one per line.
Training lines have ``iter``, validation lines do not. A resumed run starts a
new file and repeats the steps after its checkpoint.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from gps_seg.text.scores import is_of_a_class

PathLike = str | os.PathLike[str]
_Lines = list[dict[str, Any]]

# Names that are logged with the metrics of a validation but are no metrics.
_NO_METRICS = frozenset(
    {'step', 'epoch', 'iter', 'time', 'data_time', 'memory'}
)


class History(NamedTuple):
    """Scalars of one training run.

    Args:
        training: Lines logged while training, by increasing ``step``, which
            counts iterations.
        validation: Lines logged after validations, by increasing ``step``,
            which counts ``unit``.
        unit: ``'epoch'`` or ``'iteration'``.
    """

    training: _Lines
    validation: _Lines
    unit: str

    def metric_names(self) -> list[str]:
        """Metrics over all classes, in the order in which they were logged."""
        names = dict.fromkeys(key for line in self.validation for key in line)
        return [
            name
            for name in names
            if name not in _NO_METRICS
            and 'loss' not in name
            and not is_of_a_class(name)
        ]


def read_history(scalars_json: PathLike | Iterable[PathLike]) -> History:
    """Read the scalars of a run and of the runs that resumed it.

    A line with an earlier step than the line before starts a resumed run, and
    replaces everything logged from that step on. If a crash cut off the last
    line, it is dropped.

    Args:
        scalars_json: One file, or the files of a run and of the runs that
            resumed it, oldest first.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a line is not a JSON object with a step.
    """
    if isinstance(scalars_json, (str, os.PathLike)):
        scalars_json = [scalars_json]
    lines = [line for path in scalars_json for line in _read_lines(Path(path))]
    training = [line for line in lines if 'iter' in line]
    validation = [line for line in lines if 'iter' not in line]
    return History(
        _without_repeats(training),
        _without_repeats(validation),
        _validation_unit(training, validation),
    )


def series(lines: _Lines, name: str) -> tuple[list[float], list[float]]:
    """Steps and values of one scalar; a value may be NaN."""
    points = [(line['step'], line[name]) for line in lines if name in line]
    return [float(step) for step, _ in points], [
        float('nan') if value is None else float(value) for _, value in points
    ]


def smooth(values: list[float], weight: float) -> list[float]:
    """Exponential moving average, corrected for its start.

    Values that are not finite are skipped: the average does not change.

    Args:
        values: Any numbers.
        weight: Weight of the past, in ``[0, 1)``; 0 for no smoothing.
    """
    average, norm, smoothed = 0.0, 0.0, []
    for value in values:
        if math.isfinite(value):
            average = weight * average + (1 - weight) * value
            norm = weight * norm + (1 - weight)
        smoothed.append(average / norm if norm else float('nan'))
    return smoothed


def _read_lines(path: Path) -> _Lines:
    if not path.is_file():
        raise FileNotFoundError(
            f'scalars: expected a file, got nothing at {path}. MMEngine '
            'writes it if the config has a LocalVisBackend.'
        )
    text = path.read_text()
    lines = text.splitlines()
    if text and not text.endswith('\n') and not _is_record(lines[-1]):
        lines.pop()
    for number, line in enumerate(lines, start=1):
        if line.strip() and not _is_record(line):
            raise ValueError(
                'scalars: expected a JSON object with a step on each line, '
                f'got {line[:60]!r} ({path}, line {number}). Give the '
                'vis_data/scalars.json of a run.'
            )
    return [json.loads(line) for line in lines if line.strip()]


def _is_record(line: str) -> bool:
    try:
        record = json.loads(line)
    except json.JSONDecodeError:
        return False
    return isinstance(record, dict) and 'step' in record


def _validation_unit(training: _Lines, validation: _Lines) -> str:
    """Whether validations count epochs or iterations; MMEngine can do both."""
    last_epoch = max((line.get('epoch', 0) for line in training), default=0)
    if all(line['step'] <= last_epoch for line in validation):
        return 'epoch'
    return 'iteration'


def _without_repeats(lines: _Lines) -> _Lines:
    kept: _Lines = []
    for line in lines:
        while kept and kept[-1]['step'] >= line['step']:
            kept.pop()
        kept.append(line)
    return kept
