# Copyright (c) gps_seg contributors. Apache-2.0.
"""The cost of tuning: methods compared in time, memory and traffic."""

from gps_seg.stack import require_openmmlab

require_openmmlab()

from gps_seg.benchmark.goals import figures_of, outcomes
from gps_seg.benchmark.hosts import ARCHITECTURES, check_architecture
from gps_seg.benchmark.methods import DEFAULT, METHODS
from gps_seg.benchmark.plot import plot_benchmark
from gps_seg.benchmark.preparation import (
    fixed_costs,
    ks_of,
    matched,
    select_once,
)
from gps_seg.benchmark.results import as_json, summarize
from gps_seg.benchmark.rounds import run_rounds, serve_rounds
from gps_seg.benchmark.rows import ATTENTIONS, VARIANTS, rows_of
from gps_seg.benchmark.settings import DEVICES, DTYPES, Settings
from gps_seg.benchmark.table import (
    format_costs,
    format_goals,
    format_inference,
    format_tables,
)

__all__ = [
    'ARCHITECTURES',
    'ATTENTIONS',
    'DEFAULT',
    'DEVICES',
    'DTYPES',
    'METHODS',
    'Settings',
    'VARIANTS',
    'as_json',
    'check_architecture',
    'figures_of',
    'fixed_costs',
    'format_costs',
    'format_goals',
    'format_inference',
    'format_tables',
    'ks_of',
    'matched',
    'outcomes',
    'plot_benchmark',
    'rows_of',
    'run_rounds',
    'select_once',
    'serve_rounds',
    'summarize',
]
