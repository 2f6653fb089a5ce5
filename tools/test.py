# Copyright (c) gps_seg contributors. Apache-2.0.
"""Test weights: python tools/test.py CONFIG DELTA_OR_CHECKPOINT."""

import argparse
from pathlib import Path

from mmengine.fileio import dump

from gps_seg.engine import set_tta
from gps_seg.runs import launch
from gps_seg.runs.data_errors import naming_the_check_of_files


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='delta or checkpoint to test')
    parser.add_argument('--work-dir', help='where the log and metrics go')
    parser.add_argument('--out', help='folder for the predicted label PNGs')
    parser.add_argument('--show-dir', help='folder for drawn predictions')
    parser.add_argument(
        '--tta',
        action='store_true',
        help="several scales and flips, as the config's tta_pipeline says",
    )
    launch.add_arguments(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    launch.set_local_rank(args.local_rank)
    config = launch.load_config(args.config, args.work_dir, args.cfg_options)
    work_dir = Path(config.work_dir)
    # MMEngine writes the config there; that of the training has to stay.
    config.work_dir = str(work_dir / 'test')
    launch.set_launcher(config, args.launcher)
    launch.prepare_test(config, args.checkpoint, args.out, args.show_dir)
    if args.tta:
        set_tta(config)
    with naming_the_check_of_files():
        metrics = launch.build_runner(config).test()
    dump(metrics, str(work_dir / 'test_metrics.json'), indent=2)


if __name__ == '__main__':
    main()
