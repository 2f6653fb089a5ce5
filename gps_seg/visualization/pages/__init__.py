# Copyright (c) gps_seg contributors. Apache-2.0.
"""Pages of runs: HTML files that need no other file and no network."""

from gps_seg.visualization.pages.run_page import write_run_page
from gps_seg.visualization.pages.runs_page import write_runs_page

__all__ = ['write_run_page', 'write_runs_page']
