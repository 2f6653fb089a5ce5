# Copyright (c) gps_seg contributors. Apache-2.0.
"""All pictures that a summary of a comparison has data for."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure

from gps_seg.visualization.comparison.agreement import agreement_figure
from gps_seg.visualization.comparison.curves import curves_figure
from gps_seg.visualization.comparison.differences import differences_figure
from gps_seg.visualization.comparison.ensembles import ensembles_figure
from gps_seg.visualization.comparison.pareto import pareto_figure
from gps_seg.visualization.comparison.rates import rates_figure
from gps_seg.visualization.comparison.rows import Summary, finished
from gps_seg.visualization.comparison.unseen import unseen_figure
from gps_seg.visualization.figure import save_as_png_and_svg

_FIGURES: dict[str, Callable[[Summary], Figure | None]] = {
    'pareto': pareto_figure,
    'differences': differences_figure,
    'unseen': unseen_figure,
    'ensembles': ensembles_figure,
    'rates': rates_figure,
    'curves': curves_figure,
    'agreement': agreement_figure,
}


def plot_summary(
    summary: Summary, folder: str | os.PathLike[str]
) -> list[Path]:
    """Draw each picture of a comparison as PNG and as SVG.

    The pictures are ``pareto`` (score against costs), ``differences`` (to
    each reference, with intervals), ``unseen`` (scores on unseen data sets),
    ``ensembles`` (scores along alpha, from base to tuned weights),
    ``rates`` (scores by learning rate), ``curves`` (scores by iteration) and
    ``agreement`` (which variants err alike). A picture without data is left
    out.

    Args:
        summary: Summary of a comparison, as
            ``gps_seg.comparison.summarise`` or
            ``gps_seg.comparison.across`` returns it.
        folder: Folder of the pictures; created if missing.

    Returns:
        Paths of the PNG files; each SVG file lies beside its PNG file.

    Raises:
        ValueError: If no variant has finished, and nothing was compared.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> scores = {'per_image': {'Dice': {'mean': 80.0, 'sd': None}}}
        >>> row = {
        ...     'variant': 'gps', 'status': 'finished', 'trained': 2,
        ...     'costs': {}, 'curve': [], 'scores': {'validation': scores},
        ... }
        >>> summary = {
        ...     'metric': 'Dice', 'sets': {'validation': 4}, 'references': [],
        ...     'variants': [row], 'differences': [], 'rates': {},
        ...     'agreement': None, 'ensembles': None,
        ... }
        >>> with TemporaryDirectory() as folder:
        ...     [path.name for path in plot_summary(summary, folder)]
        ['pareto.png']
    """
    if not finished(summary) and not summary['differences']:
        raise ValueError(
            'summary: expected scores of a variant, or differences, got none. '
            'There is nothing to draw.'
        )
    drawn = {name: draw(summary) for name, draw in _FIGURES.items()}
    return [
        save_as_png_and_svg(figure, folder, name)
        for name, figure in drawn.items()
        if figure is not None
    ]
