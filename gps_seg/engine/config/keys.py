# Copyright (c) gps_seg contributors. Apache-2.0.
"""Misspelt top-level keys of a config.

MMEngine ignores unknown keys, because a config may have its own variables. A
misspelt key therefore has no effect and raises no error.
"""

import inspect
import logging
from collections.abc import Iterable
from difflib import get_close_matches

from mmengine.logging import print_log
from mmengine.runner import Runner

#: Keys that MMEngine or this package reads, besides the runner's arguments.
_OTHERS = {
    'activation_checkpointing',
    'compile',
    'custom_imports',
    'default_scope',
    'efficient_conv_bn_eval',
    'find_unused_parameters',
    'model_wrapper_cfg',
    'runner_type',
}
_KNOWN = {*inspect.signature(Runner).parameters, *_OTHERS} - {'cfg'}
#: Similarity above which a key counts as misspelt. Variables in the configs
#: of MMSegmentation and MMPretrain are less similar, with one exception.
_ALIKE = 0.85
_VARIABLES = {'models'}


def check_spelling(keys: Iterable[str], overrides: Iterable[str]) -> None:
    """Refuse a misspelt override, and warn of a misspelt key of a file.

    Args:
        keys: Top-level keys of a config file.
        overrides: Dotted keys of the command line.

    Raises:
        ValueError: If an override is a misspelt key that would have no
            effect.
    """
    for key in keys:
        meant = _meant_by(key)
        if meant is not None:
            print_log(
                f'{key}: expected a known key or a variable of your own, got '
                f"a key similar to '{meant}'. It has no effect.",
                logger='current',
                level=logging.WARNING,
            )
    for override in overrides:
        key = override.partition('.')[0]
        meant = None if key in keys else _meant_by(key)
        if meant is not None:
            raise ValueError(
                f'--cfg-options {override}: expected a key of the config, got '
                f"'{key}', which nothing reads. Did you mean '{meant}'?"
            )


def _meant_by(key: str) -> str | None:
    """The key that was meant, if this one is misspelt."""
    if key in _KNOWN | _VARIABLES:
        return None
    return next(iter(get_close_matches(key, _KNOWN, 1, _ALIKE)), None)
