# Copyright (c) gps_seg contributors. Apache-2.0.
"""Compare tuning methods: rates tuned for each, seeds, costs, intervals.

python tools/compare.py configs/gps_kvasir.py --methods linear bias full gps \
    --rates 0.01 0.03 0.1 0.3 1 3 10 --seeds 0 1 2

Finished runs are kept, and a stopped one goes on: run the same command again.
Several workers may run it at the same time, on a common folder.
"""

import argparse
import sys
from collections.abc import Callable
from typing import Any

from gps_seg.command_line import (
    Distinct,
    add_alphas,
    add_cfg_options,
    finite_number,
    run_tool,
    tool_parser,
    whole_number,
)


def build_parser() -> argparse.ArgumentParser:
    parser = tool_parser(__doc__)
    parser.add_argument('config', help='config file of a training')
    _add_variants(parser.add_argument)
    _add_rates(parser.add_argument)
    add_alphas(parser)
    parser.add_argument(
        '--cost-rounds',
        type=whole_number(0),
        default=3,
        metavar='N',
        help='rounds in which the costs of a step are measured after the '
        'runs; 0 for no further ones',
    )
    parser.add_argument(
        '--work-dir',
        help='folder of the comparison (default: work_dirs/NAME_OF_CONFIG)',
    )
    add_cfg_options(parser)
    return parser


def _add_variants(add: Callable[..., Any]) -> None:
    add(
        '--methods',
        nargs='+',
        metavar='NAME',
        help='variants of the config, or methods of the package (default: all '
        'variants of the config)',
    )
    add(
        '--method-options',
        nargs='+',
        default=[],
        metavar='METHOD.KEY=VALUE',
        help='settings of methods: gps.k=1 lora.rank=16 ...',
    )
    add(
        '--references',
        nargs='+',
        action=Distinct,
        metavar='NAME',
        help='variants that all others are compared with (default: those that '
        'the config names; or full, bias and gps random, if they take part; '
        'or the first)',
    )
    add(
        '--seeds',
        nargs='+',
        type=whole_number(0),
        action=Distinct,
        default=[0, 1, 2],
        metavar='SEED',
        help='seeds of the final runs of each method',
    )


def _add_rates(add: Callable[..., Any]) -> None:
    add(
        '--rates',
        nargs='+',
        type=finite_number('above 0', lambda rate: rate > 0),
        action=Distinct,
        default=[],
        metavar='FACTOR',
        help='multipliers of the learning rate of the encoder (of the head, '
        'where only the head trains); the best on held-out training images '
        'is taken for each method (default: those under rates in the config, '
        'or its own)',
    )
    add(
        '--tune-with',
        metavar='CONFIG',
        help='config of the runs that tune the rates, such as one of smaller '
        'images (default: CONFIG)',
    )
    add(
        '--tuning-seeds',
        nargs='+',
        type=whole_number(0),
        action=Distinct,
        default=[0],
        metavar='SEED',
        help='seeds of the runs that tune the rates',
    )
    add(
        '--held-out',
        type=finite_number('between 0 and 1', lambda share: 0 < share < 1),
        default=0.25,
        metavar='SHARE',
        help='share of the training images on which rates are scored',
    )


def run(args: argparse.Namespace) -> str:
    from gps_seg.runs.comparing.comparison import compare

    return compare(args)


def main() -> int:
    return run_tool(build_parser(), run)


if __name__ == '__main__':
    sys.exit(main())
