# Copyright (c) gps_seg contributors. Apache-2.0.
"""What the rows of a run need before they are measured."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from gps_seg.benchmark.processes import run_worker
from gps_seg.benchmark.rows import Match, Row
from gps_seg.benchmark.settings import Settings


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
    ks = ks_of(list(rows))
    if not ks:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    files = [str(selection_file(folder, k)) for k in ks]
    facts: list[dict[str, Any]] = run_worker(
        {'task': 'select', 'settings': asdict(settings)}
        | {'ks': ks, 'files': files}
    )
    return facts


def ks_of(rows: Sequence[Row]) -> list[int]:
    """The numbers of connections of all selections that rows need.

    Args:
        rows: Rows to be measured.

    Example:
        >>> from gps_seg.benchmark.rows import rows_of
        >>> ks_of(rows_of(['full', 'ours'], ks=[5, 1]))
        [1, 5]
    """
    return sorted(
        {row.k for row in rows if row.k is not None}
        | {row.match.k for row in rows if row.match is not None}
    )


def matched(
    settings: Settings, rows: Sequence[Row], folder: Path
) -> tuple[list[Row], list[dict[str, Any]]]:
    """Find the settings with which rows train as many values as ours.

    Args:
        settings: Settings of the run.
        rows: Rows to be measured.
        folder: Folder with the selections of :func:`select_once`.

    Returns:
        The rows with these settings, and the facts about each.

    Raises:
        RuntimeError: If a method cannot train so many values.

    Example::

        rows, facts = matched(settings, rows, Path('out'))
    """
    found: dict[tuple[str, Match], dict[str, Any]] = {}
    for row in rows:
        if row.match is not None and (row.method, row.match) not in found:
            setting, k = row.match
            found[row.method, row.match] = run_worker(
                {'task': 'match', 'settings': asdict(settings)}
                | {'method': row.method, 'setting': setting}
                | {'selection': str(selection_file(folder, k))}
            )
    rows = [
        row
        if row.match is None
        else replace(
            row,
            settings={
                row.match.setting: found[row.method, row.match]['value']
            },
        )
        for row in rows
    ]
    return rows, list(found.values())


def fixed_costs(settings: Settings, k: int, folder: Path) -> dict[str, Any]:
    """Measure what a step of ours costs whatever the number of tokens.

    Args:
        settings: Settings of the run.
        k: Connections per neuron.
        folder: Folder with the selections of :func:`select_once`.

    Example::

        seconds = fixed_costs(settings, 1, Path('out'))['write_seconds']
    """
    costs: dict[str, Any] = run_worker(
        {'task': 'fixed_costs', 'settings': asdict(settings)}
        | {'k': k, 'selection': str(selection_file(folder, k))}
    )
    return {'k': k} | costs


def selection_file(folder: Path, k: int) -> Path:
    """Path of the selection of ``k`` connections per neuron."""
    return folder / f'selection_k{k}.safetensors'
