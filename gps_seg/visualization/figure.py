# Copyright (c) gps_seg contributors. Apache-2.0.
"""Figures without a display, and PNG files that are whole or absent.

Figures are made as objects rather than through ``pyplot``: no global state,
no backend to choose, nothing to close, safe inside a training process.
"""

from __future__ import annotations

import os
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gps_seg.files import replacing

# Colours that the common kinds of colour blindness tell apart (Okabe-Ito).
PALETTE = ('#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9')
INK = '#333333'
MUTED = '#8A8A8A'


def new_figure(width: float, height: float) -> Figure:
    """Empty figure of ``width`` x ``height`` inches."""
    return Figure(
        figsize=(width, height), layout='constrained', facecolor='white'
    )


def style_axes(axes: Axes, title: str = '') -> None:
    """Plain axes: light grid, no box, title on the left."""
    axes.set_title(title, loc='left', fontsize=10, color=INK)
    axes.grid(True, color='#E6E6E6', linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[['top', 'right']].set_visible(False)
    axes.spines[['left', 'bottom']].set_color(MUTED)
    axes.tick_params(colors=INK, labelsize=8)


def save_png(
    figure: Figure, out_png: str | os.PathLike[str], dpi: int = 130
) -> Path:
    """Write a figure; on failure the target is as it was before.

    The folder is made if it is missing.

    Returns:
        The path written.

    Raises:
        ValueError: If the name does not end in ``.png``.
    """
    path = Path(out_png)
    if path.suffix.lower() != '.png':
        raise ValueError(
            f'out_png: expected a name that ends in .png, got {path}.'
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        figure.savefig(partial, format='png', dpi=dpi)
    return path
