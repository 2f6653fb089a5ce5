# Copyright (c) gps_seg contributors. Apache-2.0.
"""Finished runs side by side: records, intervals, tables, agreement."""

from gps_seg.comparison.across import across
from gps_seg.comparison.agreement import measure_agreement
from gps_seg.comparison.csv_table import write_csv
from gps_seg.comparison.intervals import Difference, paired_difference
from gps_seg.comparison.rates import RateChoice, choose_rates
from gps_seg.comparison.records import RunRecord, SetScores
from gps_seg.comparison.summary import (
    read_summary,
    summarise,
    write_summary,
)
from gps_seg.comparison.tables import write_markdown

__all__ = [
    'Difference',
    'RateChoice',
    'RunRecord',
    'SetScores',
    'across',
    'choose_rates',
    'measure_agreement',
    'paired_difference',
    'read_summary',
    'summarise',
    'write_csv',
    'write_markdown',
    'write_summary',
]
