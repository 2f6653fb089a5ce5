# Copyright (c) gps_seg contributors. Apache-2.0.
"""Train the model of a config.

python tools/train.py configs/gps_kvasir.py

The console shows progress and scores; the log file in the work directory has
all details. Ctrl-C stops a run, and --resume continues it.
"""

import argparse
import sys

from gps_seg.command_line import add_cfg_options, run_tool, tool_parser
from gps_seg.command_line.launcher import add_launcher
from gps_seg.command_line.method_names import method_names


def build_parser() -> argparse.ArgumentParser:
    parser = tool_parser(__doc__)
    add = parser.add_argument
    add(
        'config', help='config file, or package::path, such as mmseg::setr/...'
    )
    add('--work-dir', help='folder for logs and weights')
    add(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='continue from a checkpoint; without a path, from the latest one '
        'in the work directory',
    )
    add('--amp', action='store_true', help='mixed precision (bf16 on a CPU)')
    add(
        '--method',
        help="tuning method instead of the config's: "
        + ', '.join(method_names()),
    )
    add('--k', type=int, help='connections per neuron (GPS)')
    add(
        '--peft-options',
        nargs='+',
        metavar='KEY=VALUE',
        help='settings of the PeftHook: max_batches=60 method.scope=layer ...',
    )
    add('--seed', type=int, help='seed of the run')
    add(
        '--deterministic',
        action='store_true',
        help='use only deterministic algorithms',
    )
    add('--verbose', action='store_true', help='show the whole log')
    add_cfg_options(parser)
    add_launcher(parser)
    return parser


def run(args: argparse.Namespace) -> None:
    from gps_seg.runs.training import train

    train(args)


def main() -> int:
    return run_tool(build_parser(), run)


if __name__ == '__main__':
    sys.exit(main())
