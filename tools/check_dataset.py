# Copyright (c) gps_seg contributors. Apache-2.0.
"""Check and count the data sets of a config, before it is trained."""

import argparse
import sys

import gps_seg.datasets  # noqa: F401  (registers the data sets)
from gps_seg.datasets.classification.overview import look_at, table
from gps_seg.engine import launch


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='any config with data loaders')
    launch.add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    try:
        config = launch.load_config(args.config, overrides=args.cfg_options)
        print(table(look_at(config)))
    except (OSError, ValueError) as err:
        sys.exit(f'{type(err).__name__}: {err}')


if __name__ == '__main__':
    main()
