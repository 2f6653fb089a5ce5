# Copyright (c) gps_seg contributors. Apache-2.0.
"""Options of the tools that convert files of weights."""

import argparse
from pathlib import Path

from gps_seg.command_line.parser import file_ending_in


def add_conversion(parser: argparse.ArgumentParser, read: str) -> None:
    """Add the file to read, the file to write, and ``--report``.

    Args:
        parser: Parser that gets the options.
        read: Endings of the files that can be read.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add_conversion(parser, '.pth')
        >>> parser.parse_args(['sam.pth', 'sam.safetensors']).target.name
        'sam.safetensors'
    """
    add = parser.add_argument
    add(
        'source',
        type=Path,
        metavar='SOURCE',
        help=f'weights to read ({read})',
    )
    add(
        'target',
        type=file_ending_in('.safetensors'),
        metavar='TARGET',
        help='weights to write (.safetensors)',
    )
    add(
        '--report',
        type=file_ending_in('.csv', '.json'),
        metavar='FILE',
        help='file for a table of all tensors and their changes (.csv or '
        '.json)',
    )
