# Copyright (c) gps_seg contributors. Apache-2.0.
"""Open and count the files of a config's data sets, before it is trained.

Ends with status 1 if a file cannot be used.
"""

import argparse
import functools
import sys

from rich.progress import track

import gps_seg.datasets  # noqa: F401  (registers the data sets)
from gps_seg.datasets.conversion.report_text import MAX_LISTED, bullets
from gps_seg.datasets.ignored_label import ignored_label
from gps_seg.datasets.overview.splits import look_at, open_all
from gps_seg.datasets.overview.text import histograms, table
from gps_seg.runs import launch


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='any config with data loaders')
    launch.add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    progress = functools.partial(track, description='Opening files')
    try:
        config = launch.load_config(args.config, overrides=args.cfg_options)
        found = look_at(config)
        ignored = ignored_label(config.get('model'))
        facts = open_all(found, ignored, progress)
    except (OSError, ValueError) as err:
        sys.exit(f'{type(err).__name__}: {err}')
    print(table(found, facts))
    by_class = histograms(found, facts)
    if by_class:
        print(f'\n{by_class}')
    problems = list(
        dict.fromkeys(line for own in facts for line in own.problems)
    )
    if problems:
        listed = bullets(problems, MAX_LISTED)
        sys.exit(f'{len(problems)} problem(s):\n{listed}')


if __name__ == '__main__':
    main()
