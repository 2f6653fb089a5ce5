# Copyright (c) gps_seg contributors. Apache-2.0.
"""The cost of tuning: methods compared in time, memory and traffic."""

from gps_seg.stack import require_openmmlab

require_openmmlab()

from gps_seg.benchmark.architectures import (
    ARCHITECTURES,
    check_architecture,
)
from gps_seg.benchmark.methods import DEFAULT, METHODS, rows_of
from gps_seg.benchmark.plot import plot_benchmark
from gps_seg.benchmark.results import as_json, summarize
from gps_seg.benchmark.rounds import run_rounds, select_once
from gps_seg.benchmark.settings import DEVICES, Settings
from gps_seg.benchmark.table import format_tables

__all__ = [
    'ARCHITECTURES',
    'DEFAULT',
    'DEVICES',
    'METHODS',
    'Settings',
    'as_json',
    'check_architecture',
    'format_tables',
    'plot_benchmark',
    'rows_of',
    'run_rounds',
    'select_once',
    'summarize',
]
