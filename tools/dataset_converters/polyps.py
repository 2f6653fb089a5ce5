# Copyright (c) gps_seg contributors. Apache-2.0.
"""Convert polyp images and masks to the layout that PolypDataset reads.

python tools/dataset_converters/polyps.py CVC-ClinicDB.zip data/cvc-clinicdb

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
    add = parser.add_argument
    add(
        'source',
        metavar='ARCHIVE_OR_FOLDER',
        help='zip archive, or a folder with images/ and masks/',
    )
    add('target', type=Path, metavar='TARGET', help='folder to create')
    add(
        '--splits',
        type=Path,
        metavar='FOLDER',
        help='folder with train.txt and val.txt, one id per line, and perhaps '
        'sequences.csv with the header image,group (default: all ids go into '
        'splits/all.txt)',
    )
    return parser


def run(args: argparse.Namespace) -> str:
    require_new_or_empty(args.target)

    from rich.progress import track

    from gps_seg.datasets import SplitLists, convert_polyps

    progress = functools.partial(track, description='Converting')
    splits = SplitLists.read(args.splits) if args.splits else None
    report = convert_polyps(
        args.source, args.target, splits=splits, progress=progress
    )
    return f'{report.text().rstrip()}\nWritten to {args.target}'


def main() -> int:
    return run_tool(build_parser(), run)


if __name__ == '__main__':
    sys.exit(main())
