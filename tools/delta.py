# Copyright (c) gps_seg contributors. Apache-2.0.
r"""Inspect, check, make, merge and combine deltas.

python tools/delta.py info work_dirs/gps_kvasir/delta.safetensors
python tools/delta.py merge configs/gps_kvasir.py \
    work_dirs/gps_kvasir/delta.safetensors --out merged.pth

COMMAND --help shows the options of a command. Results are written to new
files; nothing is overwritten.
"""

import argparse
import sys
from importlib import import_module

from gps_seg.command_line import run_tool
from gps_seg.runs.deltas.command_line import check_results, delta_parser


def run(args: argparse.Namespace) -> str:
    check_results(args)
    # The parser accepts only names of modules.
    command = import_module(f'gps_seg.runs.deltas.{args.command}')
    try:
        return command.run(args)
    except ValueError as error:
        # Names in an unknown file may contain line breaks.
        raise ValueError(' '.join(str(error).split())) from error


def main() -> int:
    return run_tool(delta_parser(__doc__), run)


if __name__ == '__main__':
    sys.exit(main())
