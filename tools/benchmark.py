# Copyright (c) gps_seg contributors. Apache-2.0.
"""Measure the time and memory of a training step for several methods.

python tools/benchmark.py --arch vit-b16 --out work_dirs/benchmark_vit-b16

Input and labels are synthetic; the weights are random unless --checkpoint is
given. Writes benchmark.json (after every round), benchmark.png and the
selections into the folder --out. Set OMP_NUM_THREADS to choose the number of
threads.
"""

import argparse
import os
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path

from gps_seg.command_line import run_tool, tool_parser

ARCHITECTURES = ('vit-s14', 'vit-b16', 'swin-t', 'tiny')
METHODS = (
    'full',
    'linear',
    'bias',
    'lora',
    'dense-mask',
    'scatter-add',
    'ours',
)
DEVICES = ('cpu', 'cuda')


def build_parser() -> argparse.ArgumentParser:
    parser = tool_parser(__doc__)
    add = parser.add_argument
    add(
        '--arch',
        default='vit-b16',
        choices=ARCHITECTURES,
        help='architecture of the encoder',
    )
    add(
        '--methods',
        nargs='+',
        choices=METHODS,
        default=METHODS,
        metavar='METHOD',
        help='methods to measure',
    )
    add(
        '--k',
        type=int,
        nargs='+',
        default=[1, 2, 5, 20],
        help='connections per neuron of methods that select',
    )
    add(
        '--out',
        type=Path,
        metavar='FOLDER',
        help='folder for the results (default: work_dirs/benchmark_ARCH)',
    )
    add('--device', default='cpu', choices=DEVICES, help='device to measure')
    add('--batch', type=int, default=1, help='images per step')
    add(
        '--size',
        type=int,
        help='side of the input in pixels (default: that of the architecture)',
    )
    add('--steps', type=int, default=5, help='measured steps per round')
    add(
        '--rounds',
        type=int,
        default=3,
        help='number of rounds; each measures every method once',
    )
    add(
        '--checkpoint',
        help='weights of the encoder, as a path or weights://NAME',
    )
    return parser


def run(args: argparse.Namespace) -> str:
    from gps_seg.benchmark import (
        Settings,
        as_json,
        check_architecture,
        format_tables,
        plot_benchmark,
        rows_of,
        run_rounds,
        select_once,
        summarize,
    )
    from gps_seg.engine.reporting.environment import describe_environment
    from gps_seg.files import write_json

    settings = Settings(
        arch=args.arch,
        size=check_architecture(args.arch, args.size),
        batch=args.batch,
        device=args.device,
        steps=args.steps,
        rounds=args.rounds,
        checkpoint=args.checkpoint,
    )
    rows = rows_of(args.methods, args.k)
    out = args.out or Path('work_dirs', f'benchmark_{args.arch}')
    out.mkdir(parents=True, exist_ok=True)
    content = describe_environment() | {
        'cpu_count': os.cpu_count(),
        'settings': asdict(settings),
        'selections': select_once(settings, rows, out),
    }
    title = (
        f'{settings.arch}, {settings.size} x {settings.size} pixels, batch '
        f'{settings.batch}, float32, {settings.device}, '
        f'threads: {content["num_threads"]}'
    )
    print(title, flush=True)
    for measurements in run_rounds(
        settings, rows, out, partial(print, flush=True)
    ):
        content['methods'] = as_json(measurements)
        write_json(content, out / 'benchmark.json')
    summaries = [s for s in map(summarize, measurements) if s is not None]
    picture = plot_benchmark(summaries, out / 'benchmark.png', title)
    return f'{format_tables(measurements)}\n{picture}'


def main() -> int:
    return run_tool(build_parser(), run)


if __name__ == '__main__':
    sys.exit(main())
