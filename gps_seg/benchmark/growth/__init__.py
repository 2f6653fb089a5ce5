# Copyright (c) gps_seg contributors. Apache-2.0.
"""How the costs of tuning grow: measured, fitted, and computed."""

from gps_seg.benchmark.growth.fits import crossing, fit_power
from gps_seg.benchmark.growth.measuring import Place, Results, measure_missing
from gps_seg.benchmark.growth.plot import plot_growth
from gps_seg.benchmark.growth.points import Axes, default_axes, points_of
from gps_seg.benchmark.growth.report import format_growth
from gps_seg.benchmark.growth.results import as_json, growth_of

__all__ = [
    'Axes',
    'Place',
    'Results',
    'as_json',
    'crossing',
    'default_axes',
    'fit_power',
    'format_growth',
    'growth_of',
    'measure_missing',
    'plot_growth',
    'points_of',
]
