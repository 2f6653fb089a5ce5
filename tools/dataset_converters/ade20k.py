# Copyright (c) gps_seg contributors. Apache-2.0.
"""Unpack and check ADE20K: python tools/dataset_converters/ade20k.py -h."""

import argparse
import functools
import sys

from rich.progress import track

from gps_seg.datasets import check_ade20k, convert_ade20k


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Check every pair of ADE20K (SceneParse150) and unpack '
        'them in the layout that the configs read (see docs/ade20k.md).'
    )
    parser.add_argument(
        'source',
        metavar='ARCHIVE_OR_FOLDER',
        help='ADEChallengeData2016.zip, or a folder with images/ and '
        'annotations/',
    )
    parser.add_argument(
        'target',
        nargs='?',
        help='folder to make, usually data/ade/ADEChallengeData2016; '
        'without it nothing is written',
    )
    parser.add_argument(
        '--partial',
        action='store_true',
        help='take fewer pairs than the official 20,210 and 2,000',
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    progress = functools.partial(track, description='Checking')
    options = {'partial': args.partial, 'progress': progress}
    try:
        if args.target is None:
            report = check_ade20k(args.source, **options)
        else:
            report = convert_ade20k(args.source, args.target, **options)
    except (OSError, ValueError) as err:
        sys.exit(f'{type(err).__name__}: {err}')
    print(report.text())
    if args.target is not None:
        print(f'Written to {args.target}')


if __name__ == '__main__':
    main()
