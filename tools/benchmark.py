# Copyright (c) gps_seg contributors. Apache-2.0.
"""Measure the time and memory of a training step for several methods.

python tools/benchmark.py --arch vit-b16 --out work_dirs/benchmark_vit-b16
python tools/benchmark.py --methods full lora gps --method-options gps.k=1
python tools/benchmark.py --arch mmseg-vit-b16 --methods full bias ours --k 1 \
    --attention fused shipped --inference

Input and labels are synthetic; the weights are random unless --checkpoint is
given. Writes benchmark.json (after every round), benchmark.png and the
selections into the folder --out. Set OMP_NUM_THREADS to choose the number of
threads.
"""

import argparse
import sys
from functools import partial
from pathlib import Path

from gps_seg.command_line import run_tool, tool_parser

ARCHITECTURES = (
    *('vit-s14', 'vit-t16', 'vit-b16', 'vit-l16', 'mmseg-vit-b16'),
    *(
        'sam-vit-b',
        'sam-vit-b-decoder',
        'mit-b0',
        'swin-t',
        'convnext-t',
        'tiny',
        'mmseg-tiny',
    ),
)
ATTENTIONS = ('fused', 'shipped')
DEVICES = ('cpu', 'cuda')
DTYPES = ('float32', 'bfloat16')
VARIANTS = ('plain', 'mlps', 'blocks', 'with_cp', 'mlps+with_cp')


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
        metavar='METHOD',
        help='methods to measure: full, linear, bias, lora or any other of '
        'the package by its name, peft-lora, dense-mask, scatter-add, ours '
        '(default: full linear bias and the last four)',
    )
    add(
        '--method-options',
        nargs='+',
        metavar='METHOD.KEY=VALUE',
        default=[],
        help='settings of methods of the package: gps.k=1 lora.rank=16 ...',
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
    add(
        '--attention',
        nargs='+',
        choices=ATTENTIONS,
        default=['fused'],
        help='a row each: attention that keeps no matrix of tokens x tokens '
        '(fused), or that of the host as it is (shipped)',
    )
    add(
        '--variants',
        nargs='+',
        choices=VARIANTS,
        default=['plain'],
        help='a row each: what is computed again in the backward pass, MLPs, '
        'whole blocks, or these by the host (with_cp)',
    )
    add(
        '--equal-size',
        nargs='+',
        metavar='METHOD.KEY',
        default=[],
        help='a row each: an integer setting, such as paca.columns, chosen '
        'to train about as many values as ours at the first k',
    )
    add(
        '--inference',
        action='store_true',
        help='measure images per second: shipped, fused, with a delta',
    )
    add('--device', default='cpu', choices=DEVICES, help='device to measure')
    add(
        '--dtype',
        default='float32',
        choices=DTYPES,
        help='bfloat16: the forward pass under autocast',
    )
    add(
        '--tf32',
        action='store_true',
        help='round the inputs of products to TF32 (GPU)',
    )
    add(
        '--compile',
        action='store_true',
        help='torch.compile encoder and head in every row',
    )
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
    from gps_seg.runs.benchmarking import benchmark

    return benchmark(args, partial(print, flush=True))


def main() -> int:
    return run_tool(build_parser(), run)


if __name__ == '__main__':
    sys.exit(main())
