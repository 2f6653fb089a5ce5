# Copyright (c) gps_seg contributors. Apache-2.0.
"""Measure how time and memory grow with tokens, width, k and images.

OMP_NUM_THREADS=1 python tools/growth.py --out work_dirs/growth

Takes about 25 minutes on a CPU. Every measurement is written at once; the same
command goes on where the last one stopped. Writes growth.json and growth.png
into the folder --out, and prints the slopes, the k at which GPS costs as much
as LoRA, and what a model would take that is too large to measure.
"""

import argparse
import sys
from functools import partial
from pathlib import Path

from gps_seg.command_line import run_tool, tool_parser

DEVICES = ('cpu', 'cuda')


def build_parser() -> argparse.ArgumentParser:
    parser = tool_parser(__doc__)
    add = parser.add_argument
    add(
        '--out',
        type=Path,
        default='work_dirs/growth',
        metavar='FOLDER',
        help='folder for the results (default: work_dirs/growth)',
    )
    add('--device', default='cpu', choices=DEVICES, help='device to measure')
    add(
        '--checkpoint',
        help='weights of ViT-S/14, as a path or weights://NAME, to measure '
        'its step over k as well',
    )
    add(
        '--rate',
        type=float,
        default=200.0,
        metavar='TFLOPS',
        help='rate of a card, in 1e12 operations per second, that computed '
        'hours assume (default: 200)',
    )
    return parser


def run(args: argparse.Namespace) -> str:
    from gps_seg.benchmark.growth import Place, default_axes
    from gps_seg.runs.growing import grow

    place = Place(args.out / 'selections', args.device, args.checkpoint)
    return grow(
        default_axes(args.checkpoint),
        args.out,
        place,
        args.rate,
        partial(print, flush=True),
    )


def main() -> int:
    return run_tool(build_parser(), run)


if __name__ == '__main__':
    sys.exit(main())
