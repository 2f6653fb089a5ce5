# Copyright (c) gps_seg contributors. Apache-2.0.
"""Convert Kvasir-SEG: python tools/dataset_converters/kvasir_seg.py -h."""

import argparse
import functools
import sys

from rich.progress import track

from gps_seg.datasets.conversion.kvasir_seg import convert_kvasir_seg


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Check Kvasir-SEG and write it in the layout that the '
        'configs read (see data/README.md).'
    )
    parser.add_argument(
        'source',
        metavar='ARCHIVE_OR_FOLDER',
        help='kvasir-seg.zip, or a folder with images/ and masks/',
    )
    parser.add_argument(
        'target', help='folder to make, usually data/kvasir-seg'
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    progress = functools.partial(track, description='Converting')
    try:
        report = convert_kvasir_seg(
            args.source, args.target, progress=progress
        )
    except (OSError, ValueError) as err:
        sys.exit(f'{type(err).__name__}: {err}')
    print(report.text())
    print(f'Written to {args.target}')


if __name__ == '__main__':
    main()
