# Copyright (c) gps_seg contributors. Apache-2.0.
"""What all tools share: parse first, then work, and one line for an error.

The standard library alone, so that ``--help`` and a slip in the command line
are answered before anything that takes seconds is imported.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

# What the package raises for input that cannot be used. Anything else is a
# bug, and its traceback is what we want to be sent.
USER_ERRORS = (OSError, ValueError, ImportError)


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the line breaks of the description, and shows the defaults.

    Defaults that say nothing are left out: None, False, and empty ones.
    """

    def _get_help_string(self, action: argparse.Action) -> str | None:
        text = action.help
        if not text or '%(default)' in text or not _has_default(action):
            return text
        value = action.default
        if isinstance(value, list | tuple):
            value = ' '.join(map(str, value))
        shown = str(value).replace('%', '%%')
        return f'{text} (default: {shown})'


def _has_default(action: argparse.Action) -> bool:
    none = (None, False, argparse.SUPPRESS, '')
    return bool(action.option_strings or action.nargs == '?') and not (
        action.default in none or action.default == []
    )


def tool_parser(
    description: str | None, **options: Any
) -> argparse.ArgumentParser:
    """A parser that shows a docstring as it is written.

    Args:
        description: Docstring of the tool, usually ``__doc__``.
        options: Further arguments of ``argparse.ArgumentParser``.
    """
    return argparse.ArgumentParser(
        description=description, formatter_class=HelpFormatter, **options
    )


def add_cfg_options(parser: argparse.ArgumentParser) -> None:
    """Let a tool take ``--cfg-options KEY=VALUE ...``.

    ``args.cfg_options`` is the list of these texts, or None. What they mean
    is found when the config is read.
    """
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action='extend',
        type=_key_and_value,
        metavar='KEY=VALUE',
        help='settings of the config to replace, such as '
        'train_cfg.max_iters=100',
    )


def _key_and_value(text: str) -> str:
    key, sign, _ = text.partition('=')
    if not key or not sign:
        raise argparse.ArgumentTypeError(
            f"expected KEY=VALUE, got '{text}'. Write no spaces around the "
            '=, and quotation marks around a value with spaces.'
        )
    return text


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
