# Copyright (c) gps_seg contributors. Apache-2.0.
"""A config at another size of its input."""

from collections.abc import Mapping, Sequence
from typing import Any

Size = tuple[int, int]


def at_input_size(
    config: Mapping[str, Any], old: Size, new: Size
) -> dict[str, Any]:
    """Replace a size wherever a config has it.

    The size of the input is in the model, in the pipelines of each loader and
    in the variables they are made of.

    Args:
        config: Settings, such as the ``_base_`` of a config.
        old: Size to replace, (height, width).
        new: Size to put in.

    Returns:
        The top-level settings that had the size, changed.

    Example:
        >>> config = {
        ...     'crop_size': (252, 252),
        ...     'test_pipeline': [{'type': 'Resize', 'scale': (252, 252)}],
        ...     'log_level': 'INFO',
        ... }
        >>> at_input_size(config, (252, 252), (98, 98))
        {'crop_size': (98, 98), 'test_pipeline': [{'type': 'Resize', \
'scale': (98, 98)}]}
    """
    changed = {key: _replaced(part, old, new) for key, part in config.items()}
    return {key: part for key, part in changed.items() if part != config[key]}


def _replaced(part: Any, old: Size, new: Size) -> Any:
    if isinstance(part, Mapping):
        return {key: _replaced(value, old, new) for key, value in part.items()}
    if not isinstance(part, Sequence) or isinstance(part, str):
        return part
    if tuple(part) == old:
        return new
    return type(part)(_replaced(value, old, new) for value in part)
