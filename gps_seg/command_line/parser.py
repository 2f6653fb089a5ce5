# Copyright (c) gps_seg contributors. Apache-2.0.
"""Parsers of the tools: readable help, and shared options."""

import argparse
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

from gps_seg.command_line.values import Distinct, finite_number


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """A formatter that keeps the description's lines and shows defaults.

    Defaults without information (None, False, empty lists) are left out.
    """

    def _get_help_string(self, action: argparse.Action) -> str | None:
        text = action.help
        if not text or 'default' in text or not _has_default(action):
            return text
        value = action.default
        if isinstance(value, list | tuple):
            value = ' '.join(map(str, value))
        shown = str(value).replace('%', '%%')
        return f'{text} (default: {shown})'


def _has_default(action: argparse.Action) -> bool:
    if action.default is argparse.SUPPRESS:
        return False
    # A number is shown even if it is 0; False and empty texts are not.
    shown = bool(action.default) or type(action.default) in (int, float)
    return shown and bool(action.option_strings or action.nargs == '?')


class ToolParser(argparse.ArgumentParser):
    """A parser that reports a mistake briefly and suggests a similar choice.

    Subcommands get a parser of the same class.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{'formatter_class': HelpFormatter, **options})

    def error(self, message: str) -> NoReturn:
        """End the process with status 2."""
        # The usage takes many lines and is in --help.
        advice = self._meant(message)
        self.exit(
            2,
            f'{self.prog}: {message}{advice}\n'
            f'Run {self.prog} --help for usage.\n',
        )

    def _meant(self, message: str) -> str:
        """The option that is like the first unknown one, as a question."""
        label, _, words = message.partition(': ')
        if label != 'unrecognized arguments':
            return ''
        word = words.split()[0].partition('=')[0]
        close = get_close_matches(word, self._option_string_actions, 1)
        return f'. Did you mean {close[0]}?' if close else ''

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        choices = list(map(str, action.choices))
        close = get_close_matches(str(value), choices, 1)
        advice = f' Did you mean {close[0]}?' if close else ''
        raise argparse.ArgumentError(
            action,
            f"expected one of {', '.join(choices)}; got '{value}'.{advice}",
        )


def tool_parser(
    description: str | None, **options: Any
) -> argparse.ArgumentParser:
    """A parser that shows a docstring as it is written.

    Args:
        description: Docstring of the tool, usually ``__doc__``.
        **options: Further arguments of ``argparse.ArgumentParser``.

    Example:
        >>> parser = tool_parser('Count.', prog='count.py')
        >>> _ = parser.add_argument('--k', default=1, help='connections')
        >>> 'connections (default: 1)' in parser.format_help()
        True
    """
    return ToolParser(description=description, **options)


def add_cfg_options(parser: argparse.ArgumentParser) -> None:
    """Add the option ``--cfg-options KEY=VALUE ...``.

    ``args.cfg_options`` is a list of these texts, or None. They are parsed
    when the config is read.

    Args:
        parser: Parser that gets the option.

    Example:
        >>> parser = tool_parser('Train.')
        >>> add_cfg_options(parser)
        >>> parser.parse_args(['--cfg-options', 'a.b=1']).cfg_options
        ['a.b=1']
    """
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action='extend',
        type=_key_and_value,
        metavar='KEY=VALUE',
        help='settings to replace in the config: train_cfg.max_iters=100 ...',
    )


def add_alphas(parser: argparse.ArgumentParser) -> None:
    """Add ``--alphas``, shares of the tuned weights in ensembles.

    Args:
        parser: Parser that gets the option.

    Example:
        >>> parser = tool_parser('Test.')
        >>> add_alphas(parser)
        >>> parser.parse_args(['--alphas', '0', '0.5']).alphas
        [0.0, 0.5]
    """
    parser.add_argument(
        '--alphas',
        nargs='+',
        type=finite_number(
            'other than 1, the tuned model', lambda alpha: alpha != 1
        ),
        action=Distinct,
        default=[],
        metavar='SHARE',
        help='shares of the tuned weights in ensembles with those of the base '
        '(WiSE-FT), scored on all data sets: 0.25 0.5 0.75',
    )


def _key_and_value(text: str) -> str:
    key, sign, _ = text.partition('=')
    if not key or not sign:
        raise argparse.ArgumentTypeError(
            f"expected KEY=VALUE, got '{text}'. Write no spaces around the "
            '= sign, and quote a value that contains spaces.'
        )
    return text


def file_ending_in(*suffixes: str) -> Callable[[str], Path]:
    """An argument type: the path of a file with one of some endings.

    Args:
        *suffixes: Endings in lower case, such as ``.png``.

    Example:
        >>> file_ending_in('.png', '.pdf')('plot.PNG').name
        'plot.PNG'
    """

    def parse(text: str) -> Path:
        path = Path(text)
        if path.suffix.lower() not in suffixes:
            raise argparse.ArgumentTypeError(
                f'expected a name that ends in {" or ".join(suffixes)}, got '
                f"'{text}'"
            )
        return path

    return parse
