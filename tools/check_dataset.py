# Copyright (c) gps_seg contributors. Apache-2.0.
"""Check and count the files of a config's data sets before training.

python tools/check_dataset.py configs/gps_kvasir.py

Every image and label is opened once. The exit status is 1 if a file cannot be
used. With --duplicates, images of train, val, test and unseen that look alike
are listed and drawn; the status is 1 if a training image, pixel by pixel, is
also in another set.
"""

from __future__ import annotations

import argparse
import functools
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gps_seg.command_line import (
    add_cfg_options,
    file_ending_in,
    run_tool,
    tool_parser,
)
from gps_seg.files import PICTURES

if TYPE_CHECKING:
    from mmengine.config import Config


def build_parser() -> argparse.ArgumentParser:
    parser = tool_parser(__doc__)
    parser.add_argument('config', help='config file with data loaders')
    parser.add_argument(
        '--duplicates',
        type=file_ending_in(*PICTURES),
        metavar='FILE',
        help='list images that look alike, and draw the closest pairs into '
        'this picture (.png, .svg or .pdf)',
    )
    add_cfg_options(parser)
    return parser


def run(args: argparse.Namespace) -> None:
    from rich.progress import track

    import gps_seg.datasets  # noqa: F401  (registers the data sets)
    from gps_seg.datasets.conversion.report_text import MAX_LISTED, bullets
    from gps_seg.datasets.ignored_label import ignored_label
    from gps_seg.datasets.overview.splits import look_at, open_all
    from gps_seg.datasets.overview.text import histograms, table
    from gps_seg.runs.launch import load_config

    config = load_config(args.config, overrides=args.cfg_options)
    progress = functools.partial(track, description='Opening files')
    found = look_at(config)
    facts = open_all(found, ignored_label(config.get('model')), progress)
    print(table(found, facts))
    by_class = histograms(found, facts)
    if by_class:
        print(f'\n{by_class}')
    problems = list(
        dict.fromkeys(line for own in facts for line in own.problems)
    )
    if problems:
        raise ValueError(
            f'data: expected files without problems, got {len(problems)} '
            f'problem(s):\n{bullets(problems, MAX_LISTED)}'
        )
    if args.duplicates:
        _duplicates(config, args.duplicates)


def _duplicates(config: Config, out: Path) -> None:
    from rich.progress import track

    from gps_seg.runs.duplicates import describe, draw, find_duplicates

    found = find_duplicates(
        config,
        progress=functools.partial(track, description='Reading images'),
        comparing=functools.partial(track, description='Comparing images'),
    )
    print(f'\n{describe(found)}')
    if draw(found, out):
        print(f'Written to {out}')
    leaks = [pair for pair in found if pair.is_leak]
    if leaks:
        one, other = leaks[0].one, leaks[0].other
        raise ValueError(
            'data: expected training images that no other set has, got '
            f'{len(leaks)} pair(s) with the same pixels, such as {one.name} '
            f'({one.part}) and {other.name} ({other.part}). Correct the '
            'splits.'
        )


def main() -> int:
    return run_tool(build_parser(), run)


if __name__ == '__main__':
    sys.exit(main())
