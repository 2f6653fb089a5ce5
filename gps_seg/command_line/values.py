# Copyright (c) gps_seg contributors. Apache-2.0.
"""Numbers on the command line, checked before any work begins."""

import argparse
import math
from collections.abc import Callable, Sequence
from typing import Any


def whole_number(least: int) -> Callable[[str], int]:
    """An argument type: a whole number that is not too small.

    Args:
        least: Lowest legal number, 0 or more.

    Example:
        >>> whole_number(1)('3')
        3
    """

    def parse(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(
                f"expected a whole number, {least} or more; got '{text}'"
            )
        return int(text)

    return parse


def finite_number(
    rule: str, is_legal: Callable[[float], bool]
) -> Callable[[str], float]:
    """An argument type: a finite number that follows a rule.

    Args:
        rule: The rule in words, such as ``'above 0'``.
        is_legal: Function that says whether a finite number follows it.

    Example:
        >>> finite_number('above 0', lambda number: number > 0)('0.3')
        0.3
    """

    def parse(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number) or not is_legal(number):
            raise argparse.ArgumentTypeError(
                f"expected a finite number {rule}; got '{text}'"
            )
        return number

    return parse


class Distinct(argparse.Action):
    """Store the values of an option, each of which may occur once.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> _ = parser.add_argument(
        ...     '--seeds', nargs='+', type=int, action=Distinct
        ... )
        >>> parser.parse_args(['--seeds', '0', '1']).seeds
        [0, 1]
    """

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Store the values, or end the process with status 2."""
        given = list(values or [])
        twice = [v for i, v in enumerate(given) if v in given[:i]]
        if twice:
            raise argparse.ArgumentError(
                self, f'expected each value once; got {twice[0]} again'
            )
        setattr(namespace, self.dest, given)
