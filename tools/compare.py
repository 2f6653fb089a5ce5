# Copyright (c) gps_seg contributors. Apache-2.0.
"""Compare finished runs: a table, and a plot, of methods and seeds.

python tools/compare.py work_dirs/gps_kvasir work_dirs/bias --out plot.png

The runs must be those of segmentors that were validated with DiceIoUMetric.
"""

import argparse
import sys
from pathlib import Path

from gps_seg.command_line import (
    PICTURES,
    file_ending_in,
    run_tool,
    tool_parser,
)

METRICS = ('image_mDice', 'image_mIoU', 'mDice', 'mIoU')


def build_parser() -> argparse.ArgumentParser:
    parser = tool_parser(__doc__)
    add = parser.add_argument
    add(
        'work_dirs',
        nargs='+',
        type=Path,
        metavar='WORK_DIR',
        help='work directory of a finished run',
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
    from gps_seg.visualization import MethodRun, plot_comparison
    from gps_seg.visualization.plots.run_results import read_run, results_table

    runs = [read_run(work_dir) for work_dir in args.work_dirs]
    table = results_table(runs, METRICS)
    if args.out is None:
        return table
    rows = [
        MethodRun(run.name, run.metrics[args.metric], run.trained / run.total)
        for run in runs
    ]
    return f'{table}\n\n{plot_comparison(rows, args.out, args.metric)}'


def main() -> int:
    return run_tool(build_parser(), run)


if __name__ == '__main__':
    sys.exit(main())
