# Copyright (c) gps_seg contributors. Apache-2.0.
"""All pictures that the summary of a test has data for."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure

from gps_seg.visualization.comparison.rows import Summary
from gps_seg.visualization.figure import save_as_png_and_svg
from gps_seg.visualization.unseen.ensembles import ensembles_figure
from gps_seg.visualization.unseen.scores import scores_figure
from gps_seg.visualization.unseen.severities import severities_figure

_FIGURES: dict[str, Callable[[Summary], Figure | None]] = {
    'unseen': scores_figure,
    'severities': severities_figure,
    'ensembles': ensembles_figure,
}


def plot_sets(summary: Summary, folder: str | os.PathLike[str]) -> list[Path]:
    """Draw each picture of a test on several data sets, as PNG and as SVG.

    The pictures are ``unseen`` (the score on each data set), ``severities``
    (scores by severity of the damage) and ``ensembles`` (scores by alpha, from
    base to tuned weights). A picture without data is left out; one of an
    earlier test is removed.

    Args:
        summary: Summary of a test, as
            ``gps_seg.comparison.unseen.summary.summarise_sets`` returns it.
        folder: Folder of the pictures; created if missing.

    Returns:
        Paths of the PNG files; each SVG file lies beside its PNG file.
    """
    paths = []
    for name, draw in _FIGURES.items():
        figure = draw(summary)
        if figure is not None:
            paths.append(save_as_png_and_svg(figure, folder, name))
            continue
        for ending in ('.png', '.svg'):
            Path(folder, f'{name}{ending}').unlink(missing_ok=True)
    return paths
