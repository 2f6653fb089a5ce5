# Copyright (c) gps_seg contributors. Apache-2.0.
"""Convert Flowers-102: python tools/dataset_converters/flowers102.py -h."""

import argparse
import functools
import sys

from rich.progress import track

from gps_seg.datasets.conversion.flowers102 import (
    convert_flowers102,
)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Check Flowers-102 and write it in the layout that the '
        'configs read (see docs/classification.md).'
    )
    parser.add_argument(
        'source',
        metavar='ARCHIVE_OR_FOLDER',
        help='zip archive or folder with jpg/, imagelabels.mat, setid.mat',
    )
    parser.add_argument(
        'target', help='folder to make, such as data/flowers102'
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    progress = functools.partial(track, description='Converting')
    try:
        sizes = convert_flowers102(args.source, args.target, progress=progress)
    except (OSError, ValueError) as err:
        sys.exit(f'{type(err).__name__}: {err}')
    for split, number in sizes.items():
        print(f'{split:22} {number:6,} images')
    print(f'Written to {args.target}')


if __name__ == '__main__':
    main()
