# Copyright (c) gps_seg contributors. Apache-2.0.
"""Compare finished runs: a table and a plot of methods and seeds.

python tools/compare.py work_dirs/kvasir/* --out work_dirs/kvasir.png

The runs are those of segmentors that were validated with DiceIoUMetric.
"""

import argparse
from pathlib import Path

from gps_seg.visualization import MethodRun, plot_comparison
from gps_seg.visualization.run_results import (
    METRICS,
    read_run,
    results_table,
)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('work_dirs', nargs='+', type=Path)
    parser.add_argument('--out', help='PNG of the comparison')
    parser.add_argument('--metric', default='image_mDice', choices=METRICS)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    runs = [read_run(work_dir) for work_dir in args.work_dirs]
    print(results_table(runs, METRICS))
    if args.out:
        rows = [
            MethodRun(run.name, run.metrics[args.metric], share(run))
            for run in runs
        ]
        print(plot_comparison(rows, args.out, args.metric))


def share(run) -> float:
    return run.trained / run.total


if __name__ == '__main__':
    main()
