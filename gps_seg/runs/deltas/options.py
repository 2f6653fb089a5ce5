# Copyright (c) gps_seg contributors. Apache-2.0.
"""Options that several subcommands of ``tools/delta.py`` share."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any


def add_command(
    commands: Any, name: str, summary: str, description: str | None = None
) -> ArgumentParser:
    """The parser of a new subcommand.

    Args:
        commands: Result of ``add_subparsers``.
        name: Name of the subcommand, and of its module.
        summary: Its line in the list of subcommands.
        description: Text above its options; by default the summary.
    """
    sentence = f'{summary[0].upper()}{summary[1:]}.'
    command: ArgumentParser = commands.add_parser(
        name, help=summary, description=description or sentence
    )
    return command


def add_delta(command: ArgumentParser) -> None:
    """Let a subcommand take one delta."""
    command.add_argument('delta', type=Path, help='delta file (.safetensors)')


def add_deltas(command: ArgumentParser) -> None:
    """Let a subcommand take several deltas."""
    command.add_argument(
        'deltas', nargs='+', type=Path, metavar='DELTA', help='delta files'
    )


def add_out(
    command: ArgumentParser,
    what: str,
    suffixes: tuple[str, ...],
    required: bool = True,
) -> None:
    """Let a subcommand take ``--out``.

    Args:
        command: Parser of the subcommand.
        what: Content of the file, for the help.
        suffixes: Endings that the name can have.
        required: Whether the option must be given.
    """
    command.set_defaults(suffixes=suffixes)
    command.add_argument(
        '--out',
        type=Path,
        required=required,
        metavar='FILE',
        help=f'{what} ({" or ".join(suffixes)})',
    )


def add_base(
    command: ArgumentParser, use: str = '', required: bool = False
) -> None:
    """Let a subcommand take a base, as a file or as a config.

    Args:
        command: Parser of the subcommand.
        use: Use of the base, for the help.
        required: Whether one of the two must be given.
    """
    base = command.add_mutually_exclusive_group(required=required)
    add = base.add_argument
    add(
        '--base',
        type=Path,
        metavar='WEIGHTS',
        help=f'file with the weights of the base{use}',
    )
    add('--config', type=Path, help=f'config that builds the base{use}')
    add_prefix(command)


def add_prefix(command: ArgumentParser) -> None:
    """Let a subcommand take ``--prefix`` for the names in a file."""
    command.add_argument(
        '--prefix',
        default='',
        help='text to put before the names in the file of the base, such as '
        '"backbone." for the weights of only an encoder',
    )
