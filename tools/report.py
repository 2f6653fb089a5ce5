# Copyright (c) gps_seg contributors. Apache-2.0.
"""Report finished runs side by side, as a table, a plot or a page.

python tools/report.py work_dirs/gps_kvasir work_dirs/bias --out runs.html

A page (.html) has a table, a plot and links to the page of each run, which is
written anew as report.html in its work directory. For the table on the console
and for a plot alone, the models must be segmentors that were validated with
DiceIoUMetric.
"""

import argparse
import sys
from pathlib import Path

from gps_seg.command_line import (
    file_ending_in,
    run_tool,
    tool_parser,
)
from gps_seg.files import PAGES, PICTURES
from gps_seg.text.scores import METRICS


def build_parser() -> argparse.ArgumentParser:
    parser = tool_parser(__doc__)
    add = parser.add_argument
    add(
        'work_dirs',
        nargs='+',
        type=Path,
        metavar='WORK_DIR',
        help='work directories of finished runs',
    )
    add(
        '--out',
        type=file_ending_in(*PAGES, *PICTURES),
        metavar='FILE',
        help='page (.html) or plot (.png, .svg or .pdf) to write; replaced if '
        'it exists',
    )
    add(
        '--metric',
        default='image_mDice',
        choices=METRICS,
        help='metric of the plot',
    )
    return parser


def run(args: argparse.Namespace) -> str:
    from gps_seg.visualization.pages.run_reports import report

    return report(args.work_dirs, args.out, args.metric)


def main() -> int:
    return run_tool(build_parser(), run)


if __name__ == '__main__':
    sys.exit(main())
