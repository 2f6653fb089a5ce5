# Copyright (c) gps_seg contributors. Apache-2.0.
"""The subcommands of ``tools/delta.py`` and their options.

Each subcommand is a module of this folder with a function ``run(args)``. It
is imported after the command line has been parsed, so that ``--help`` and
mistakes are answered without importing PyTorch.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from gps_seg.command_line import PICTURES, add_cfg_options, tool_parser
from gps_seg.files import require_new

BITS = (1, 2, 4, 8)
HALF = ('float16', 'bfloat16')
DELTAS = ('.safetensors',)
CHECKPOINTS = ('.pth', '.safetensors')
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


def _command(
    commands: Any, name: str, summary: str, description: str | None = None
) -> ArgumentParser:
    sentence = f'{summary[0].upper()}{summary[1:]}.'
    command: ArgumentParser = commands.add_parser(
        name, help=summary, description=description or sentence
    )
    return command


def _add_reading(commands: Any) -> None:
    info = _command(commands, 'info', 'show what is in a delta')
    _add_delta(info)
    what = info.add_mutually_exclusive_group()
    add = what.add_argument
    add(
        '--config',
        action='store_true',
        help='print only the config of the training',
    )
    add('--json', action='store_true', help='print all facts as JSON')
    verify = _command(
        commands,
        'verify',
        'check that a delta is intact and fits a base (exit status 1 if not)',
    )
    _add_delta(verify)
    _add_base(verify)


def _add_comparing(commands: Any) -> None:
    diff = _command(
        commands, 'diff', 'show where two deltas differ, and by how much'
    )
    add = diff.add_argument
    add('deltas', nargs=2, type=Path, metavar='DELTA', help='two delta files')
    _add_base(diff, '; needed if only one of the two is quantized')
    overlap = _command(
        commands, 'overlap', 'show which entries deltas have in common'
    )
    _add_deltas(overlap)
    _add_out(overlap, 'picture to write', PICTURES, required=False)


def _add_extract(commands: Any) -> None:
    extract = _command(
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
    _add_out(extract, 'delta to write', DELTAS)
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
    _add_prefix(extract)


def _add_merging(commands: Any) -> None:
    merge = _command(
        commands,
        'merge',
        'apply a delta to the model of a config and write a full checkpoint',
    )
    merge.add_argument('config', type=Path, help='config that builds the base')
    _add_delta(merge)
    _add_out(merge, 'checkpoint to write', CHECKPOINTS)
    apply = _command(
        commands,
        'apply',
        'apply a delta to a file of weights and write a full checkpoint',
    )
    apply.add_argument('base', type=Path, help='file with the base weights')
    _add_delta(apply)
    _add_out(apply, 'checkpoint to write', CHECKPOINTS)
    _add_prefix(apply)


def _add_combine(commands: Any) -> None:
    combine = _command(
        commands, 'combine', 'sum deltas with weights, or scale a single one'
    )
    _add_deltas(combine)
    how = combine.add_mutually_exclusive_group(required=True)
    add = how.add_argument
    add('--weights', nargs='+', type=float, help='one weight for each delta')
    add(
        '--alpha',
        type=float,
        help='factor for a single delta: 0 is the base, 1 the tuned model',
    )
    _add_base(combine, ' of all the deltas', required=True)
    _add_out(combine, 'delta to write', DELTAS)
    combine.add_argument(
        '--head',
        type=Path,
        metavar='DELTA',
        help='delta whose new tensors (head), classes and config the result '
        'gets; needed if they differ',
    )


def _add_quantize(commands: Any) -> None:
    quantize = _command(
        commands, 'quantize', 'store the values of a delta in fewer bits'
    )
    _add_delta(quantize)
    _add_out(quantize, 'delta to write', DELTAS)
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
    _add_base(quantize, '; needed for --bits')


def _add_sweep(commands: Any) -> None:
    sweep = _command(
        commands,
        'sweep',
        'test the models between the base and the tuned one (WiSE-FT)',
        SWEEP,
    )
    add = sweep.add_argument
    add('config', type=Path, help='config that builds the base and test set')
    _add_delta(sweep)
    _add_out(sweep, 'plot to write, with a .json file beside it', PICTURES)
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


def _add_delta(command: ArgumentParser) -> None:
    command.add_argument('delta', type=Path, help='delta file (.safetensors)')


def _add_deltas(command: ArgumentParser) -> None:
    command.add_argument(
        'deltas', nargs='+', type=Path, metavar='DELTA', help='delta files'
    )


def _add_out(
    command: ArgumentParser,
    what: str,
    suffixes: tuple[str, ...],
    required: bool = True,
) -> None:
    command.set_defaults(suffixes=suffixes)
    command.add_argument(
        '--out',
        type=Path,
        required=required,
        metavar='FILE',
        help=f'{what} ({" or ".join(suffixes)})',
    )


def _add_base(
    command: ArgumentParser, use: str = '', required: bool = False
) -> None:
    base = command.add_mutually_exclusive_group(required=required)
    add = base.add_argument
    add(
        '--base',
        type=Path,
        metavar='WEIGHTS',
        help=f'file with the weights of the base{use}',
    )
    add('--config', type=Path, help=f'config that builds the base{use}')
    _add_prefix(command)


def _add_prefix(command: ArgumentParser) -> None:
    command.add_argument(
        '--prefix',
        default='',
        help='text to put before the names in the file of the base, such as '
        '"backbone." for the weights of only an encoder',
    )
