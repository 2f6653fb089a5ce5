# Copyright (c) gps_seg contributors. Apache-2.0.
"""Pictures: plain functions from data to a PNG, SVG or PDF file."""

from gps_seg.visualization.alpha_sweep import AlphaScore, plot_alpha_sweep
from gps_seg.visualization.class_colours import ClassColours
from gps_seg.visualization.comparison import MethodRun, plot_comparison
from gps_seg.visualization.contact_sheet import Tile, plot_contact_sheet
from gps_seg.visualization.curves import plot_curves
from gps_seg.visualization.delta_overlap import plot_overlap
from gps_seg.visualization.overlays import Overlay, plot_overlays
from gps_seg.visualization.prediction_grid import (
    GridRow,
    plot_prediction_grid,
)
from gps_seg.visualization.selection_map import plot_selection

__all__ = [
    'AlphaScore',
    'ClassColours',
    'GridRow',
    'MethodRun',
    'Overlay',
    'Tile',
    'plot_alpha_sweep',
    'plot_comparison',
    'plot_contact_sheet',
    'plot_curves',
    'plot_overlap',
    'plot_overlays',
    'plot_prediction_grid',
    'plot_selection',
]
