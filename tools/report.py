# Copyright (c) gps_seg contributors. Apache-2.0.
"""Report finished runs side by side, as a table and a plot.

python tools/report.py work_dirs/gps_kvasir work_dirs/bias --out plot.png

The models must be segmentors that were validated with DiceIoUMetric.
"""

import argparse
import sys
from pathlib import Path

from gps_seg.command_line import (
    file_ending_in,
    run_tool,
    tool_parser,
)
from gps_seg.files import PICTURES
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
        type=file_ending_in(*PICTURES),
        metavar='FILE',
        help='plot to write (.png, .svg or .pdf); replaced if it exists',
    )
    add(
        '--metric',
        default='image_mDice',
        choices=METRICS,
        help='metric of the plot',
    )
    return parser


def run(args: argparse.Namespace) -> str:
    from gps_seg.visualization.plots.run_results import (
        plot_results,
        read_run,
        results_table,
    )

    runs = [read_run(work_dir) for work_dir in args.work_dirs]
    table = results_table(runs, METRICS)
    if args.out is None:
        return table
    return f'{table}\n\n{plot_results(runs, args.out, args.metric)}'


def main() -> int:
    return run_tool(build_parser(), run)


if __name__ == '__main__':
    sys.exit(main())
