# Copyright (c) gps_seg contributors. Apache-2.0.
"""Report finished runs side by side: the work of ``tools/report.py``."""

from collections.abc import Sequence
from pathlib import Path

from gps_seg.files import PAGES
from gps_seg.text.scores import METRICS
from gps_seg.visualization.pages.runs_page import write_runs_page
from gps_seg.visualization.plots.run_results import (
    plot_results,
    read_run,
    results_table,
)


def report(work_dirs: Sequence[Path], out: Path | None, metric: str) -> str:
    """Write a page or a plot of runs, or only return their table.

    Args:
        work_dirs: Work directories of the runs.
        out: Page (.html) or plot to write; None for neither.
        metric: Score of the plot.

    Returns:
        The file that was written, below the table unless it is a page.

    Raises:
        OSError: If a file is missing or cannot be written.
        ValueError: If a file of a run has another content, or, unless a page
            is written, a run was not validated with ``DiceIoUMetric``.
    """
    if out is not None and out.suffix.lower() in PAGES:
        return str(write_runs_page(work_dirs, out, metric))
    runs = [read_run(work_dir) for work_dir in work_dirs]
    table = results_table(runs, METRICS)
    if out is None:
        return table
    return f'{table}\n\n{plot_results(runs, out, metric)}'
