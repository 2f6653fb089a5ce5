# Copyright (c) gps_seg contributors. Apache-2.0.
"""Measure what a training step costs: time and memory, method by method.

python tools/benchmark.py --arch vit-b16 --out work_dirs/benchmark_vit-b16

Input and labels are synthetic, the weights random unless --checkpoint is
given. Writes benchmark.json (also after every round), benchmark.png and the
selections into the folder --out. Set OMP_NUM_THREADS to choose the threads.
"""

import argparse
import os
from dataclasses import asdict
from pathlib import Path

from gps_seg.benchmark import (
    ARCHITECTURES,
    DEVICES,
    METHODS,
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


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add('--arch', default='vit-b16', help=f'one of {list(ARCHITECTURES)}')
    add('--size', type=int, help='side of the input in pixels')
    add('--batch', type=int, default=1, help='images per step')
    add('--device', default='cpu', choices=DEVICES)
    add('--steps', type=int, default=5, help='timed steps per round')
    add('--rounds', type=int, default=3, help='turns of every method')
    add('--k', type=int, nargs='+', default=[1, 2, 5, 20])
    add('--methods', nargs='+', default=list(METHODS), metavar='METHOD')
    add('--checkpoint', help='weights of the encoder, as weights://NAME')
    add('--out', type=Path, help='folder; work_dirs/benchmark_ARCH')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
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
    for measurements in run_rounds(settings, rows, out, report):
        content['methods'] = as_json(measurements)
        write_json(content, out / 'benchmark.json')
    print(format_tables(measurements))
    summaries = [s for s in map(summarize, measurements) if s is not None]
    print(plot_benchmark(summaries, out / 'benchmark.png', title))


def report(line: str) -> None:
    print(line, flush=True)


if __name__ == '__main__':
    main()
