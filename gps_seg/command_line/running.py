# Copyright (c) gps_seg contributors. Apache-2.0.
"""Run a tool: parse, work, print; a user's error becomes one line."""

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from gps_seg.command_line.errors import explain
from gps_seg.text.printable import printable

#: Exit status after Ctrl-C, as in shells: 128 + SIGINT.
INTERRUPTED = 130


def run_tool(
    parser: argparse.ArgumentParser,
    run: Callable[[argparse.Namespace], str | None],
    arguments: Sequence[str] | None = None,
) -> int:
    """Parse the command line, do the work, and print what it returns.

    Args:
        parser: Parser of the tool; gets ``--traceback``.
        run: Work of the tool. It should import heavy packages itself, and
            returns a text to print, or None.
        arguments: Command line; None for that of the process.

    Returns:
        The exit status: 0; 1 after an error that the user can act on, which
        is printed without a traceback; 130 after Ctrl-C.

    Raises:
        Exception: If the error is a bug, or ``--traceback`` was given.

    Example:
        >>> run_tool(argparse.ArgumentParser(), lambda args: 'done', [])
        done
        0
    """
    _spell_what_cannot_be_encoded()
    _add_traceback(parser)
    args = parser.parse_args(arguments)
    try:
        text = run(args)
        if text:
            print(printable(text))
        sys.stdout.flush()
    except BrokenPipeError:
        return _stop_printing()
    except KeyboardInterrupt:
        if args.traceback:
            raise
        print(f'{parser.prog}: interrupted', file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        explanation = None if args.traceback else explain(error)
        if explanation is None:
            raise
        print(f'{parser.prog}: {printable(explanation)}', file=sys.stderr)
        return 1
    return 0


def _spell_what_cannot_be_encoded() -> None:
    """Let a path with an umlaut end no run, as under LANG=C."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # stderr does so anyway
        sys.stdout.reconfigure(errors='backslashreplace')


def _add_traceback(parser: argparse.ArgumentParser) -> None:
    """Add the option ``--traceback``, also after a subcommand."""
    options: dict[str, Any] = dict(
        action='store_true',
        help='show the traceback of an error',
    )
    parser.add_argument('--traceback', **options)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                # A default here would override --traceback before the command.
                command.add_argument(
                    '--traceback', default=argparse.SUPPRESS, **options
                )


def _stop_printing() -> int:
    """Avoid a second error when Python exits and nobody reads its output."""
    with open(os.devnull, 'w', encoding='utf-8') as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
    return 1
