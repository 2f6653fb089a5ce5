# Copyright (c) gps_seg contributors. Apache-2.0.
"""Convert polyp images: python tools/dataset_converters/polyps.py -h."""

import argparse
import functools
import sys
from pathlib import Path

from rich.progress import track

from gps_seg.datasets import SplitLists, convert_polyps


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Check images and masks of polyps, as they are published, '
        'and write them in the layout that PolypDataset reads (see '
        'data/README.md).'
    )
    parser.add_argument(
        'source',
        metavar='ARCHIVE_OR_FOLDER',
        help='zip archive or folder with images/ and masks/',
    )
    parser.add_argument('target', help='folder to make')
    parser.add_argument(
        '--splits',
        type=Path,
        help='folder with train.txt and val.txt, one id per line; by default '
        'all ids go into splits/all.txt',
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    progress = functools.partial(track, description='Converting')
    try:
        splits = SplitLists.read(args.splits) if args.splits else None
        report = convert_polyps(
            args.source, args.target, splits=splits, progress=progress
        )
    except (OSError, ValueError) as err:
        sys.exit(f'{type(err).__name__}: {err}')
    print(report.text())
    print(f'Written to {args.target}')


if __name__ == '__main__':
    main()
