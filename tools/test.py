# Copyright (c) gps_seg contributors. Apache-2.0.
r"""Test weights on the test set of a config.

python tools/test.py configs/gps_kvasir.py \
    work_dirs/gps_kvasir/best_delta.safetensors

The console shows the scores. They are also written to test_metrics.json in the
work directory, and the log file has the details of the test.

--unseen, behind the files, tests them on data sets of other images as well,
which the config lists by name in `unseen`, and compares the scores:

python tools/test.py configs/studies/kvasir_252.py delta.safetensors --unseen
"""

import argparse
import sys

from gps_seg.command_line import (
    Distinct,
    add_alphas,
    add_cfg_options,
    run_tool,
    tool_parser,
)
from gps_seg.command_line.launcher import add_launcher


def build_parser() -> argparse.ArgumentParser:
    parser = tool_parser(__doc__)
    add = parser.add_argument
    add('config', help='config file')
    add(
        'checkpoint',
        help='delta or checkpoint to test; or a folder of tools/share.py, or '
        'hf://OWNER/NAME',
    )
    add('--work-dir', help='folder of the log and the metrics')
    add('--out', help='folder for the predicted labels as PNG files')
    add('--show-dir', help='folder for drawn predictions')
    add(
        '--tta',
        action='store_true',
        help="average over the scales and flips of the config's tta_pipeline",
    )
    add(
        '--unseen',
        nargs='*',
        action=Distinct,
        metavar='NAME',
        help="test on data sets of the config's `unseen` too, and write a "
        "table; names choose some, also as in 'blur-*' (default: all)",
    )
    add_alphas(parser)
    add('--verbose', action='store_true', help='show the whole log')
    add_cfg_options(parser)
    add_launcher(parser)
    return parser


def run(args: argparse.Namespace) -> None:
    if args.unseen is None:
        from gps_seg.runs.testing import test
    else:
        from gps_seg.runs.unseen.testing import test

    test(args)


def main() -> int:
    return run_tool(build_parser(), run)


if __name__ == '__main__':
    sys.exit(main())
