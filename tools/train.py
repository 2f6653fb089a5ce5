# Copyright (c) gps_seg contributors. Apache-2.0.
"""Train a model by a config: python tools/train.py configs/gps_kvasir.py."""

import argparse

from mmengine.config import DictAction

from gps_seg.engine.training.wrapper_types import enable_amp
from gps_seg.peft import METHODS
from gps_seg.runs import launch
from gps_seg.runs.data_errors import naming_the_check_of_files
from gps_seg.runs.early_check import check_before_data, check_config
from gps_seg.runs.interruption import saying_how_to_go_on
from gps_seg.runs.method_options import set_method


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'config', help='config file, or package::path, such as mmseg::setr/...'
    )
    parser.add_argument('--work-dir', help='where logs and weights go')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help="continue from a checkpoint, by default the work dir's latest",
    )
    parser.add_argument(
        '--amp', action='store_true', help='mixed precision (bf16 on a CPU)'
    )
    parser.add_argument(
        '--method',
        choices=sorted(METHODS),
        help='tune by this method, whatever the config was written for',
    )
    parser.add_argument('--k', type=int, help='connections per neuron (GPS)')
    parser.add_argument(
        '--peft-options',
        nargs='+',
        action=DictAction,
        default={},
        help='settings of the PeftHook: max_batches=60 method.scope=layer ...',
    )
    parser.add_argument('--seed', type=int, help='seed of the run')
    parser.add_argument(
        '--deterministic',
        action='store_true',
        help='only deterministic algorithms',
    )
    launch.add_arguments(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    launch.set_local_rank(args.local_rank)
    config = launch.load_config(args.config, args.work_dir, args.cfg_options)
    options = dict(args.peft_options)
    if args.k is not None:
        options['method.k'] = args.k
    set_method(config, args.method, options)
    if args.amp:
        enable_amp(config)
    launch.set_launcher(config, args.launcher)
    launch.set_seed(config, args.seed, args.deterministic)
    state = args.resume and launch.find_state(config, args.resume)
    check_config(config)
    runner = launch.build_runner(config, state)
    check_before_data(runner)
    with saying_how_to_go_on(config.work_dir), naming_the_check_of_files():
        runner.train()


if __name__ == '__main__':
    main()
