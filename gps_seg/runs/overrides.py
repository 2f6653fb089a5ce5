# Copyright (c) gps_seg contributors. Apache-2.0.
"""Parse ``KEY=VALUE`` of a command line by MMEngine's own rules."""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.config import DictAction


def parse_overrides(
    given: Sequence[str] | Mapping[str, Any] | None, flag: str
) -> dict[str, Any]:
    """Parse overrides into values by dotted key.

    Args:
        given: Words of the command line, such as ``['train_cfg.max_iters=6',
            'a=[1,2]']``, or values that have been parsed.
        flag: Name of the option, for the error.

    Raises:
        ValueError: If a word is not ``KEY=VALUE``, or its brackets do not
            match.

    Example:
        >>> parse_overrides(['a.b=2', 'c=[1,x]', 'd=None'], '--cfg-options')
        {'a.b': 2, 'c': [1, 'x'], 'd': None}
    """
    if not given or isinstance(given, Mapping):
        return dict(given or {})
    action = DictAction([flag], 'overrides', nargs='+')
    result = Namespace()
    for word in given:
        try:
            action(ArgumentParser(), result, [word], flag)
        except (AssertionError, ValueError) as error:
            raise ValueError(
                f'{flag}: expected KEY=VALUE with matching brackets, got '
                f'{word!r}. Write train_cfg.max_iters=6 or "scale=[252,252]", '
                'without spaces around the equals sign.'
            ) from error
    return dict(result.overrides)
