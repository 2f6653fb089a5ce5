# Copyright (c) gps_seg contributors. Apache-2.0.
"""Train the variants of a config, several seeds each: a table and a plot.

python tools/ablate.py configs/studies/ablation.py --seeds 0 1 2

Killed, the same call goes on: runs that came to their end are read, a run
that did not is trained from its start.
"""

import argparse
from pathlib import Path

from gps_seg.runs import launch
from gps_seg.runs.side_by_side.ablation import plan, run_trials
from gps_seg.visualization import MethodRun, plot_comparison
from gps_seg.visualization.run_results import METRICS, results_table


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file with variants')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2])
    parser.add_argument('--only', nargs='+', help='names of variants to run')
    parser.add_argument('--work-dir', help='folder of all the runs')
    parser.add_argument('--metric', default='image_mDice', choices=METRICS)
    launch.add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    config = launch.load_config(args.config, args.work_dir, args.cfg_options)
    trials = plan(config, args.seeds, args.only)
    results = list(run_trials(trials))
    print(results_table(sorted(results, key=order(trials)), METRICS))
    rows = [
        MethodRun(run.name, run.metrics[args.metric], run.trained / run.total)
        for run in results
    ]
    out = Path(config.work_dir, 'ablation.png')
    print(plot_comparison(rows, out, args.metric))


def order(trials):
    names = list(dict.fromkeys(trial.variant for trial in trials))
    return lambda run: names.index(run.name)


if __name__ == '__main__':
    main()
