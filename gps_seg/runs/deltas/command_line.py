# Copyright (c) gps_seg contributors. Apache-2.0.
"""The grammar of ``tools/delta.py``: its subcommands and what they take."""

import argparse
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from gps_seg.delta.format.records import BITS

HALF = ('float16', 'bfloat16')
SWEEP = """Test base + alpha * (tuned - base) on the config's test set for each
alpha, and plot the metric against alpha (weight-space ensemble, WiSE-FT); the
numbers go into a JSON file beside the picture. Tensors that are new in the
task, such as its head, have no base to be averaged with and keep their tuned
values: 0 is the base with the head of the task, 1 the tuned model."""


def delta_parser(description: str | None) -> ArgumentParser:
    """A parser whose result has the name of the subcommand in ``command``."""
    parser = ArgumentParser(
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(
        dest='command', required=True, metavar='COMMAND'
    )
    _add_reading(commands)
    _add_extract(commands)
    _add_merging(commands)
    _add_combine(commands)
    _add_quantize(commands)
    _add_sweep(commands)
    return parser


def _command(
    commands: Any, name: str, summary: str, description: str | None = None
) -> ArgumentParser:
    command: ArgumentParser = commands.add_parser(
        name, help=summary, description=description or summary
    )
    return command


def _add_reading(commands: Any) -> None:
    info = _command(commands, 'info', 'what is in a delta')
    info.add_argument('delta', type=Path)
    what = info.add_mutually_exclusive_group()
    add = what.add_argument
    add('--config', action='store_true', help='print the config it came from')
    add('--json', action='store_true', help='print all of it as JSON')
    verify = _command(
        commands,
        'verify',
        'check a file, and whether it fits a base; status 1 if not',
    )
    verify.add_argument('delta', type=Path)
    _add_base(verify)
    diff = _command(
        commands, 'diff', 'where two deltas differ, and by how much'
    )
    diff.add_argument('deltas', nargs=2, type=Path, metavar='DELTA')
    _add_base(diff, '; needed if only one of the two is quantized')
    overlap = _command(
        commands, 'overlap', 'which entries deltas have in common, and where'
    )
    overlap.add_argument('deltas', nargs='+', type=Path, metavar='DELTA')
    overlap.add_argument('--out', type=Path, help='picture (.png)')


def _add_extract(commands: Any) -> None:
    extract = _command(
        commands, 'extract', 'make a delta of two full checkpoints'
    )
    add = extract.add_argument
    add('base', type=Path, help='checkpoint or config (.py): before tuning')
    add('tuned', type=Path, help='checkpoint after tuning')
    add('--config', type=Path, help='config of the tuning, to keep its text')
    add(
        '--new',
        nargs='+',
        default=[],
        metavar='MODULE',
        help='modules that are new in the task, such as decode_head: what '
        'the base has there does not count',
    )
    _add_prefix(extract)
    _add_out(extract, 'delta (.safetensors)')


def _add_merging(commands: Any) -> None:
    merge = _command(
        commands,
        'merge',
        'config and delta into a plain checkpoint (.pth or .safetensors)',
    )
    merge.add_argument('config', type=Path, help='builds the base')
    merge.add_argument('delta', type=Path)
    _add_out(merge, 'checkpoint; mmseg.apis.init_model reads a .pth')
    apply = _command(
        commands,
        'apply',
        'weights and delta into a plain checkpoint, without a config',
    )
    apply.add_argument('base', type=Path, help='weights of the base')
    apply.add_argument('delta', type=Path)
    _add_prefix(apply)
    _add_out(apply, 'checkpoint (.pth or .safetensors)')


def _add_combine(commands: Any) -> None:
    combine = _command(
        commands, 'combine', 'weighted sum of deltas, or one of them scaled'
    )
    combine.add_argument('deltas', nargs='+', type=Path, metavar='DELTA')
    how = combine.add_mutually_exclusive_group(required=True)
    add = how.add_argument
    add('--weights', nargs='+', type=float, help='one for each delta')
    add(
        '--alpha',
        type=float,
        help='scale one delta: 0 is the base, 1 the tuned model',
    )
    combine.add_argument(
        '--head',
        type=Path,
        metavar='DELTA',
        help='the one of the deltas whose new tensors (its head), classes '
        'and config the result has; needed where they differ',
    )
    _add_base(combine, ' of all the deltas', required=True)
    _add_out(combine, 'delta (.safetensors)')


def _add_quantize(commands: Any) -> None:
    quantize = _command(
        commands, 'quantize', 'keep the values of a delta in fewer bits'
    )
    add = quantize.add_argument
    add('delta', type=Path)
    add(
        '--bits',
        type=int,
        choices=BITS,
        help='code differences to the base in so many bits each',
    )
    add(
        '--levels',
        choices=('kmeans', 'uniform'),
        default='kmeans',
        help='where the levels of the codes lie (kmeans)',
    )
    add(
        '--half',
        nargs='?',
        const='float16',
        choices=HALF,
        help='round the values that are not coded (to float16)',
    )
    _add_base(quantize, '; needed for --bits')
    _add_out(quantize, 'delta (.safetensors)')


def _add_sweep(commands: Any) -> None:
    sweep = _command(
        commands,
        'sweep',
        'test the models between the base and the tuned one (WiSE-FT)',
        SWEEP,
    )
    add = sweep.add_argument
    add('config', type=Path, help='builds the base and its test set')
    add('delta', type=Path)
    add('--alphas', nargs='+', type=float, default=[0, 0.25, 0.5, 0.75, 1])
    add(
        '--metric',
        nargs='+',
        help='what to plot (the metric by which the config keeps the best)',
    )
    _add_out(sweep, 'picture (.png); the numbers go beside it (.json)')


def _add_out(command: ArgumentParser, what: str) -> None:
    command.add_argument(
        '--out', type=Path, required=True, metavar='FILE', help=what
    )


def _add_base(
    command: ArgumentParser, use: str = '', required: bool = False
) -> None:
    base = command.add_mutually_exclusive_group(required=required)
    add = base.add_argument
    add('--base', type=Path, metavar='WEIGHTS', help=f'file: the base{use}')
    add('--config', type=Path, help=f'config that builds the base{use}')
    _add_prefix(command)


def _add_prefix(command: ArgumentParser) -> None:
    command.add_argument(
        '--prefix',
        default='',
        help='put before the names in the file of the base: "backbone." for '
        'the weights of an encoder alone',
    )
