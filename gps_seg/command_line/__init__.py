# Copyright (c) gps_seg contributors. Apache-2.0.
"""What all tools share: parse first, then work, and one line for an error.

The standard library alone, so that ``--help`` and mistakes on the command
line are answered before anything that takes seconds is imported.
"""

from gps_seg.command_line.parser import (
    add_cfg_options,
    file_ending_in,
    tool_parser,
)
from gps_seg.command_line.running import run_tool

__all__ = [
    'add_cfg_options',
    'file_ending_in',
    'run_tool',
    'tool_parser',
]
