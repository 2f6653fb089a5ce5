# Copyright (c) gps_seg contributors. Apache-2.0.
"""The runs of a comparison: scores against costs, and a table."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from gps_seg.comparison.summary import SUMMARY_FILE, read_summary
from gps_seg.comparison.tables import main_table
from gps_seg.visualization.comparison.pareto import pareto_figure
from gps_seg.visualization.figure import save_figure

_DPI = 110


class Runs(NamedTuple):
    """What the page shows of a comparison.

    Args:
        picture: Score against costs; None if no costs are known.
        table: Rates, sizes, costs and scores, in Markdown.
    """

    picture: Path | None
    table: str


def runs_of(
    comparison: str | os.PathLike[str], folder: str | os.PathLike[str]
) -> Runs:
    """Draw the runs of a comparison.

    Args:
        comparison: Summary, or the folder of ``tools/compare.py`` with one.
        folder: Folder for the picture.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not the summary of a comparison.
    """
    path = Path(comparison)
    if path.is_dir():
        path /= SUMMARY_FILE
    if not path.is_file():
        raise FileNotFoundError(
            '--comparison: expected the summary.json of a comparison, or its '
            f'folder, got nothing at {path}. Check the path.'
        )
    summary = read_summary(path)
    figure = pareto_figure(summary)
    picture = None
    if figure is not None:
        picture = save_figure(figure, Path(folder, 'pareto.png'), _DPI)
    return Runs(picture, main_table(summary))
