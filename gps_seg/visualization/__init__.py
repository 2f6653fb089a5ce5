# Copyright (c) gps_seg contributors. Apache-2.0.
"""Pictures: plain functions from data to a PNG, SVG or PDF file."""

from gps_seg.visualization.comparison.images import (
    chosen_images,
    plot_images,
)
from gps_seg.visualization.comparison.summary import plot_summary
from gps_seg.visualization.images.class_colours import ClassColours
from gps_seg.visualization.images.contact_sheet import Tile, plot_contact_sheet
from gps_seg.visualization.images.outlines import plot_outlines
from gps_seg.visualization.images.overlays import Overlay, plot_overlays
from gps_seg.visualization.images.prediction_grid import (
    GridRow,
    plot_prediction_grid,
)
from gps_seg.visualization.plots.alpha_sweep import (
    AlphaScore,
    plot_alpha_sweep,
)
from gps_seg.visualization.plots.comparison import MethodRun, plot_comparison
from gps_seg.visualization.plots.curves import plot_curves
from gps_seg.visualization.selection.delta_overlap import plot_overlap
from gps_seg.visualization.selection.selection_map import plot_selection

__all__ = [
    'AlphaScore',
    'ClassColours',
    'GridRow',
    'MethodRun',
    'Overlay',
    'Tile',
    'chosen_images',
    'plot_alpha_sweep',
    'plot_comparison',
    'plot_contact_sheet',
    'plot_curves',
    'plot_images',
    'plot_outlines',
    'plot_overlap',
    'plot_overlays',
    'plot_prediction_grid',
    'plot_selection',
    'plot_summary',
]
