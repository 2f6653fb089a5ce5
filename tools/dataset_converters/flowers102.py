# Copyright (c) gps_seg contributors. Apache-2.0.
"""Convert Flowers-102 to the layout that the configs read.

python tools/dataset_converters/flowers102.py flowers102.zip data/flowers102

Every image and label is checked first. See docs/classification.md.
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
        help='zip archive, or a folder with jpg/, imagelabels.mat and '
        'setid.mat',
    )
    parser.add_argument(
        'target',
        type=Path,
        metavar='TARGET',
        help='folder to create, usually data/flowers102',
    )
    return parser


def run(args: argparse.Namespace) -> str:
    require_new_or_empty(args.target)

    from rich.progress import track

    from gps_seg.datasets import convert_flowers102

    progress = functools.partial(track, description='Converting')
    sizes = convert_flowers102(args.source, args.target, progress=progress)
    lines = [f'{split:22} {size:6,} images' for split, size in sizes.items()]
    return '\n'.join([*lines, f'Written to {args.target}'])


def main() -> int:
    return run_tool(build_parser(), run)


if __name__ == '__main__':
    sys.exit(main())
