# Copyright (c) gps_seg contributors. Apache-2.0.
r"""Check ADE20K (SceneParse150) and unpack it for the configs.

python tools/dataset_converters/ade20k.py ADEChallengeData2016.zip \
    data/ade/ADEChallengeData2016

Every image and annotation is checked first. Without a target nothing is
written. See docs/ade20k.md.
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
        help='ADEChallengeData2016.zip, or a folder with images/ and '
        'annotations/',
    )
    add(
        'target',
        nargs='?',
        type=Path,
        metavar='TARGET',
        help='folder to create, usually data/ade/ADEChallengeData2016; '
        'without it nothing is written',
    )
    add(
        '--partial',
        action='store_true',
        help='accept fewer pairs than the official 20,210 and 2,000',
    )
    return parser


def run(args: argparse.Namespace) -> str:
    if args.target is not None:
        require_new_or_empty(args.target)

    from rich.progress import track

    from gps_seg.datasets import check_ade20k, convert_ade20k

    progress = functools.partial(track, description='Checking')
    options = {'partial': args.partial, 'progress': progress}
    if args.target is None:
        return check_ade20k(args.source, **options).text()
    report = convert_ade20k(args.source, args.target, **options)
    return f'{report.text().rstrip()}\nWritten to {args.target}'


def main() -> int:
    return run_tool(build_parser(), run)


if __name__ == '__main__':
    sys.exit(main())
