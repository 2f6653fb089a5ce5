# Copyright (c) gps_seg contributors. Apache-2.0.
"""A summary as one CSV table, to compute with."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gps_seg.files import write_text


def write_csv(summary: Mapping[str, Any], folder: Path) -> Path:
    """Write ``table.csv``, one line per variant, into a folder.

    Numbers are not rounded. What a variant does not have is an empty cell.

    Returns:
        The path written.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> row = {'variant': 'gps', 'status': 'failed', 'error': 'no memory'}
        >>> with TemporaryDirectory() as folder:
        ...     path = write_csv({'variants': [row]}, Path(folder))
        ...     print(path.read_text(encoding='utf-8'), end='')
        variant,status,error,rate,rate_edge
        gps,failed,no memory,,
    """
    lines = [dict(_cells(summary, row)) for row in summary['variants']]
    return write_lines(lines, folder / 'table.csv')


def write_lines(lines: Sequence[Mapping[str, Any]], path: Path) -> Path:
    """Write lines with named cells; a cell that a line lacks is empty.

    Returns:
        The path written.
    """
    names = dict.fromkeys(name for line in lines for name in line)
    text = io.StringIO()
    writer = csv.DictWriter(text, names, restval='', lineterminator='\n')
    writer.writeheader()
    writer.writerows(lines)
    write_text(text.getvalue(), path)
    return path


def _cells(
    summary: Mapping[str, Any], row: Mapping[str, Any]
) -> Iterator[tuple[str, Any]]:
    for name in ('variant', 'status', 'error', 'rate', 'rate_edge'):
        yield name, row.get(name, '')
    if row['status'] == 'failed':
        return
    yield 'seeds', ' '.join(map(str, row['seeds']))
    for name in ('trained', 'total', 'trained_percent', 'task_bytes'):
        yield name, row[name]
    yield 'seconds', row['seconds']
    for name, cost in row['costs'].items():
        if isinstance(cost, int | float):  # not the lists of single rounds
            yield name, cost
    yield from _scores(row)
    yield from _differences(summary, row['variant'])


def _scores(row: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for of, scores in row['scores'].items():
        for kind, metrics in scores.items():
            for metric, spread in metrics.items():
                yield f'{of} {kind} {metric}', spread['mean']
                yield f'{of} {kind} {metric} sd', spread['sd']


def _differences(
    summary: Mapping[str, Any], variant: str
) -> Iterator[tuple[str, float]]:
    for each in summary['differences']:
        if each['variant'] == variant:
            column = f'{each["set"]} {each["metric"]} - {each["reference"]}'
            for end in ('mean', 'low', 'high'):
                yield f'{column} {end}', each[end]
