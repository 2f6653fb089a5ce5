# Copyright (c) gps_seg contributors. Apache-2.0.
"""Train the variants of a config with several seeds; make a table and a plot.

python tools/ablate.py configs/studies/ablation.py --seeds 0 1 2

After an interruption, run the same command again: finished runs are reused, an
unfinished run starts from the beginning.
"""

import argparse
import sys
from pathlib import Path

from gps_seg.command_line import add_cfg_options, run_tool, tool_parser
from gps_seg.text.scores import METRICS


def build_parser() -> argparse.ArgumentParser:
    parser = tool_parser(__doc__)
    add = parser.add_argument
    add('config', help='config file with a dictionary of variants')
    add(
        '--seeds',
        nargs='+',
        type=int,
        default=[0, 1, 2],
        metavar='SEED',
        help='seeds for each variant',
    )
    add(
        '--only',
        nargs='+',
        metavar='VARIANT',
        help='names of the variants to train (default: all)',
    )
    add(
        '--work-dir',
        help='folder for all runs (default: work_dirs/NAME_OF_CONFIG)',
    )
    add(
        '--metric',
        default='image_mDice',
        choices=METRICS,
        help='metric of the plot',
    )
    add_cfg_options(parser)
    return parser


def run(args: argparse.Namespace) -> str:
    from gps_seg.runs.launch import load_config
    from gps_seg.runs.side_by_side.ablation import plan, run_trials
    from gps_seg.visualization.plots.run_results import (
        plot_results,
        results_table,
    )

    config = load_config(args.config, args.work_dir, args.cfg_options)
    trials = plan(config, args.seeds, args.only)
    order = list(dict.fromkeys(trial.variant for trial in trials))
    results = sorted(run_trials(trials), key=lambda run: order.index(run.name))
    table = results_table(results, METRICS)
    out = Path(config.work_dir, 'ablation.png')
    return f'{table}\n\n{plot_results(results, out, args.metric)}'


def main() -> int:
    return run_tool(build_parser(), run)


if __name__ == '__main__':
    sys.exit(main())
