# Copyright (c) gps_seg contributors. Apache-2.0.
"""The subcommands of ``tools/delta.py`` and their options.

Each subcommand is a module of this folder with a function ``run(args)``. It
is imported after the command line has been parsed, so that ``--help`` and
mistakes are answered without importing PyTorch.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from gps_seg.command_line import add_cfg_options, tool_parser
from gps_seg.files import CHECKPOINTS, DELTAS, PICTURES, require_new
from gps_seg.runs.deltas.options import (
    add_base,
    add_command,
    add_delta,
    add_deltas,
    add_out,
    add_prefix,
)

BITS = (1, 2, 4, 8)
HALF = ('float16', 'bfloat16')
SWEEP = """Test base + alpha * (tuned - base) on the config's test set for each
alpha, and plot the metric against alpha (weight-space ensemble, WiSE-FT). The
numbers go into a JSON file beside the picture. Tensors that are new in the
task, such as its head, have no base and keep their tuned values: 0 is the base
with the head of the task, 1 the tuned model."""


def delta_parser(description: str | None) -> ArgumentParser:
    """Make the parser; ``args.command`` is the name of the subcommand.

    Args:
        description: Docstring of the tool.
    """
    parser = tool_parser(description)
    commands = parser.add_subparsers(
        dest='command', required=True, metavar='COMMAND', title='commands'
    )
    _add_reading(commands)
    _add_comparing(commands)
    _add_extract(commands)
    _add_merging(commands)
    _add_combine(commands)
    _add_quantize(commands)
    _add_sweep(commands)
    return parser


def check_results(args: Namespace) -> None:
    """Check the names of the results before the work begins.

    Args:
        args: Parsed command line.

    Raises:
        OSError: If the file exists, or cannot be created.
        ValueError: If the name has the wrong ending.
    """
    if getattr(args, 'out', None) is None:
        return
    require_new(args.out, *args.suffixes)
    if args.command == 'sweep':
        require_new(args.out.with_suffix('.json'), '.json')


def _add_reading(commands: Any) -> None:
    info = add_command(commands, 'info', 'show what is in a delta')
    add_delta(info)
    what = info.add_mutually_exclusive_group()
    add = what.add_argument
    add(
        '--config',
        action='store_true',
        help='print only the config of the training',
    )
    add('--json', action='store_true', help='print all facts as JSON')
    verify = add_command(
        commands,
        'verify',
        'check that a delta is intact and fits a base (exit status 1 if not)',
    )
    add_delta(verify)
    add_base(verify)


def _add_comparing(commands: Any) -> None:
    diff = add_command(
        commands, 'diff', 'show where two deltas differ, and by how much'
    )
    add = diff.add_argument
    add('deltas', nargs=2, type=Path, metavar='DELTA', help='two delta files')
    add_base(diff, '; needed if only one of the two is quantized')
    overlap = add_command(
        commands, 'overlap', 'show which entries deltas have in common'
    )
    add_deltas(overlap)
    add_out(overlap, 'picture to write', PICTURES, required=False)


def _add_extract(commands: Any) -> None:
    extract = add_command(
        commands, 'extract', 'make a delta from two full checkpoints'
    )
    add = extract.add_argument
    add(
        'base',
        type=Path,
        help='weights before the tuning: a checkpoint, or the config (.py) '
        'that builds the model with them',
    )
    add('tuned', type=Path, help='checkpoint after the tuning')
    add_out(extract, 'delta to write', DELTAS)
    add(
        '--new',
        nargs='+',
        default=[],
        metavar='MODULE',
        help='modules that are new in the task, such as decode_head: the '
        'weights of the base there are ignored',
    )
    add(
        '--config',
        type=Path,
        help='config of the tuning, whose text is kept in the delta',
    )
    add_prefix(extract)


def _add_merging(commands: Any) -> None:
    merge = add_command(
        commands,
        'merge',
        'apply a delta to the model of a config and write a full checkpoint',
    )
    merge.add_argument('config', type=Path, help='config that builds the base')
    add_delta(merge)
    add_out(merge, 'checkpoint to write', CHECKPOINTS)
    _add_peft(commands)
    apply = add_command(
        commands,
        'apply',
        'apply a delta to a file of weights and write a full checkpoint',
    )
    apply.add_argument('base', type=Path, help='file with the base weights')
    add_delta(apply)
    add_out(apply, 'checkpoint to write', CHECKPOINTS)
    add_prefix(apply)


def _add_peft(commands: Any) -> None:
    peft = add_command(
        commands,
        'peft',
        'write a LoRA task in the layout of the PEFT library',
    )
    peft.add_argument('config', type=Path, help='config that builds the base')
    add_delta(peft)
    peft.add_argument(
        '--out',
        type=Path,
        required=True,
        dest='folder',
        metavar='FOLDER',
        help='new or empty folder for adapter_config.json and '
        'adapter_model.safetensors',
    )


def _add_combine(commands: Any) -> None:
    combine = add_command(
        commands, 'combine', 'sum deltas with weights, or scale a single one'
    )
    add_deltas(combine)
    how = combine.add_mutually_exclusive_group(required=True)
    add = how.add_argument
    add('--weights', nargs='+', type=float, help='one weight for each delta')
    add(
        '--alpha',
        type=float,
        help='factor for a single delta: 0 is the base, 1 the tuned model',
    )
    add_base(combine, ' of all the deltas', required=True)
    add_out(combine, 'delta to write', DELTAS)
    combine.add_argument(
        '--head',
        type=Path,
        metavar='DELTA',
        help='delta whose new tensors (head), classes and config the result '
        'gets; needed if they differ',
    )


def _add_quantize(commands: Any) -> None:
    quantize = add_command(
        commands, 'quantize', 'store the values of a delta in fewer bits'
    )
    add_delta(quantize)
    add_out(quantize, 'delta to write', DELTAS)
    add = quantize.add_argument
    add(
        '--bits',
        type=int,
        choices=BITS,
        help='bits per difference from the base; needs the base',
    )
    add(
        '--half',
        nargs='?',
        const='float16',
        choices=HALF,
        help='round all other values to this type (default: float16)',
    )
    add(
        '--levels',
        choices=('kmeans', 'uniform'),
        default='kmeans',
        help='method that chooses the levels of the codes',
    )
    add_base(quantize, '; needed for --bits')


def _add_sweep(commands: Any) -> None:
    sweep = add_command(
        commands,
        'sweep',
        'test the models between the base and the tuned one (WiSE-FT)',
        SWEEP,
    )
    add = sweep.add_argument
    add('config', type=Path, help='config that builds the base and test set')
    add_delta(sweep)
    add_out(sweep, 'plot to write, with a .json file beside it', PICTURES)
    add(
        '--alphas',
        nargs='+',
        type=float,
        default=[0, 0.25, 0.5, 0.75, 1],
        metavar='ALPHA',
        help='values of alpha to test',
    )
    add(
        '--metric',
        nargs='+',
        help="metrics to plot (default: that of the config's save_best)",
    )
    add_cfg_options(sweep)
