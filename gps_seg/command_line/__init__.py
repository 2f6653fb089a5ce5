# Copyright (c) gps_seg contributors. Apache-2.0.
"""Command lines of the tools: options, errors in one line, exit status.

This package imports only the standard library, so that ``--help`` and mistakes
on the command line are answered at once.
"""

from gps_seg.command_line.parser import (
    add_alphas,
    add_cfg_options,
    file_ending_in,
    tool_parser,
)
from gps_seg.command_line.running import run_tool
from gps_seg.command_line.values import (
    Distinct,
    finite_number,
    whole_number,
)

__all__ = [
    'Distinct',
    'add_alphas',
    'add_cfg_options',
    'file_ending_in',
    'finite_number',
    'run_tool',
    'tool_parser',
    'whole_number',
]
