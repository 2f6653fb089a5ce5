# Copyright (c) gps_seg contributors. Apache-2.0.
"""Convert Kvasir-SEG to the layout that the configs read.

python tools/dataset_converters/kvasir_seg.py kvasir-seg.zip data/kvasir-seg

Every image and mask is checked first. See data/README.md.
"""

import argparse
import functools
import sys
from pathlib import Path

from gps_seg.command_line import run_tool, tool_parser
from gps_seg.files import require_new_or_empty


def build_parser() -> argparse.ArgumentParser:
    parser = tool_parser(__doc__)
    parser.add_argument(
        'source',
        metavar='ARCHIVE_OR_FOLDER',
        help='kvasir-seg.zip, or a folder with images/ and masks/',
    )
    parser.add_argument(
        'target',
        type=Path,
        metavar='TARGET',
        help='folder to create, usually data/kvasir-seg',
    )
    return parser


def run(args: argparse.Namespace) -> str:
    require_new_or_empty(args.target)

    from rich.progress import track

    from gps_seg.datasets import convert_kvasir_seg

    progress = functools.partial(track, description='Converting')
    report = convert_kvasir_seg(args.source, args.target, progress=progress)
    return f'{report.text().rstrip()}\nWritten to {args.target}'


def main() -> int:
    return run_tool(build_parser(), run)


if __name__ == '__main__':
    sys.exit(main())
