# Copyright (c) gps_seg contributors. Apache-2.0.
"""What all tools share: parse first, then work, and one line for an error.

The standard library alone, so that ``--help`` and a slip in the command line
are answered before anything that takes seconds is imported.
"""

import argparse
import sys
from collections.abc import Callable, Sequence

# What the package raises for input that cannot be used. Anything else is a
# bug, and its traceback is what we want to be sent.
USER_ERRORS = (OSError, ValueError, ImportError)


def run_tool(
    parser: argparse.ArgumentParser,
    run: Callable[[argparse.Namespace], str | None],
    arguments: Sequence[str] | None = None,
) -> int:
    """Parse the command line, do the work, and print what it returns.

    Args:
        parser: Parser of the tool; gets ``--traceback``.
        run: Work of the tool. It imports what it needs itself, and returns
            a text to print, or None.
        arguments: Command line, by default that of the process.

    Returns:
        Exit status: 0, 1 after an error that the user can act on (its
        message is printed in one piece, without a traceback), 130 after
        Ctrl-C.
    """
    parser.add_argument(
        '--traceback',
        action='store_true',
        help='show where in the code an error was raised',
    )
    args = parser.parse_args(arguments)
    try:
        text = run(args)
    except KeyboardInterrupt:
        if args.traceback:
            raise
        print(f'{parser.prog}: interrupted', file=sys.stderr)
        return 130
    except USER_ERRORS as error:
        if args.traceback:
            raise
        print(f'{parser.prog}: {error}', file=sys.stderr)
        return 1
    if text:
        print(text)
    return 0
