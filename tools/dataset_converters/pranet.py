# Copyright (c) gps_seg contributors. Apache-2.0.
r"""Convert the archives of PraNet's protocol: a training and five test sets.

python tools/dataset_converters/pranet.py TrainDataset.zip TestDataset.zip \
    data/pranet

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
        'sources',
        nargs='+',
        metavar='ARCHIVE_OR_FOLDER',
        help='one or several zip archives or folders that hold TrainDataset '
        'and TestDataset',
    )
    add(
        'target',
        type=Path,
        metavar='TARGET',
        help='folder to create, usually data/pranet',
    )
    add(
        '--partial',
        action='store_true',
        help='accept fewer images than the published 1450, 100, 62, 60, 380 '
        'and 196',
    )
    return parser


def run(args: argparse.Namespace) -> str:
    require_new_or_empty(args.target)

    from rich.progress import track

    from gps_seg.datasets import convert_pranet

    report = convert_pranet(
        args.sources,
        args.target,
        partial=args.partial,
        progress=functools.partial(track, description='Converting'),
    )
    return f'{report.text().rstrip()}\nWritten to {args.target}'


def main() -> int:
    return run_tool(build_parser(), run)


if __name__ == '__main__':
    sys.exit(main())
