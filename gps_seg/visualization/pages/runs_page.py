# Copyright (c) gps_seg contributors. Apache-2.0.
"""The page of several runs: a table, a plot, and links to their pages."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from urllib.parse import quote

from gps_seg.files import write_text
from gps_seg.text.scores import overall
from gps_seg.visualization.pages.facts import RunFacts, read_facts
from gps_seg.visualization.pages.pictures import Picture, embedded
from gps_seg.visualization.pages.rendering import render
from gps_seg.visualization.pages.run_page import duration, write_run_page
from gps_seg.visualization.plots.run_results import plot_results, read_run

_PLOT = 'comparison.png'


class _Row(NamedTuple):
    """One run in the table.

    Args:
        run: Facts about the run.
        address: Address of its page, relative to the page of all runs.
        scores: Scores of its last validation.
        seconds: Time that it took; empty if unknown.
        kilobytes: Size of its delta; None without one.
    """

    run: RunFacts
    address: str
    scores: dict[str, float]
    seconds: str
    kilobytes: float | None


def write_runs_page(work_dirs: Sequence[Path], out: Path, metric: str) -> Path:
    """Write a page of several runs, and the page of each in its folder.

    Args:
        work_dirs: Work directories of the runs.
        out: File of the page of all runs (.html); replaced if it exists.
        metric: Score of the plot. Without it, or another mean of
            ``DiceIoUMetric``, in each run, there is no plot.

    Returns:
        The file.

    Raises:
        OSError: If a folder is missing, or a page cannot be written.
        ValueError: If a file of a run has another content.

    Example:
        >>> with TemporaryDirectory() as folder:
        ...     out = Path(folder, 'all.html')
        ...     write_runs_page([Path(folder)], out, 'image_mDice').name
        'all.html'
    """
    rows = [_row(work_dir, out) for work_dir in work_dirs]
    names = dict.fromkeys(name for row in rows for name in row.scores)
    page = render(
        'runs.html.jinja',
        rows=rows,
        metrics=list(names),
        metric=metric,
        plot=_plot(work_dirs, metric),
    )
    write_text(page, out)
    return out


def _row(work_dir: Path, out: Path) -> _Row:
    page = write_run_page(work_dir)
    facts = read_facts(work_dir)
    folder = out.absolute().parent
    relative = Path(os.path.relpath(page.absolute(), folder)).as_posix()
    return _Row(
        facts,
        quote(relative),
        overall(facts.scores),
        duration(facts),
        _kilobytes(facts),
    )


def _kilobytes(facts: RunFacts) -> float | None:
    path = facts.weights
    if path is None or path.suffix != '.safetensors':
        return None
    return path.stat().st_size / 1e3


def _plot(work_dirs: Sequence[Path], metric: str) -> Picture:
    """The score of each run against what it trained, where all have both."""
    try:
        runs: Any = [read_run(work_dir) for work_dir in work_dirs]
    except (FileNotFoundError, ValueError, KeyError):
        return Picture(_PLOT)
    with TemporaryDirectory() as folder:
        return embedded(plot_results(runs, Path(folder, _PLOT), metric))
