# Copyright (c) gps_seg contributors. Apache-2.0.
"""A new task from the command line: the work of ``tools/new.py``."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from gps_seg.command_line.next_steps import tool_command
from gps_seg.runs.own_folder.starting import (
    BARS,
    ENCODER,
    METHOD,
    Choices,
    new_task,
)


def make_task(args: Namespace) -> str:
    """Make the folder of a task.

    Args:
        args: Command line of ``tools/new.py``.

    Returns:
        The next commands.

    Raises:
        OSError: If a file is missing or cannot be written.
        ValueError: If the images or masks cannot be used.
    """
    new_task(
        args.name,
        args.images,
        args.masks,
        Choices(
            classes=parse_classes(args.classes),
            groups=args.groups,
            encoder=args.encoder or ENCODER,
            method=args.method or METHOD,
            size=tuple(args.size) if args.size else None,
            steps=args.steps,
            val_share=args.val_share,
            seed=args.seed,
            skip_unlabelled=args.skip_unlabelled,
        ),
        **BARS,
    )
    folder = shlex.quote(str(args.name))
    return '\n'.join(
        [
            f'Written to {args.name}: config.py, splits, found.png. Look at '
            'found.png first.',
            '',
            'Next',
            f'  {tool_command("browse_dataset")} {folder}',
            f'  {tool_command("train")} {folder}',
        ]
    )


def parse_classes(
    words: Sequence[str] | None,
) -> list[str] | dict[Any, str] | None:
    """Classes as the command line gives them.

    Args:
        words: Names, or ``VALUE=NAME`` with a value or a colour.

    Raises:
        ValueError: If some have a value and some have none, or a value is no
            number and no colour.

    Example:
        >>> parse_classes(['background', 'polyp'])
        ['background', 'polyp']
        >>> parse_classes(['255=polyp', '255,0,0=tool'])
        {255: 'polyp', (255, 0, 0): 'tool'}
    """
    if words is None or not any('=' in word for word in words):
        return None if words is None else list(words)
    classes: dict[Any, str] = {}
    for word in words:
        value, separator, name = word.partition('=')
        numbers = value.split(',')
        if not (separator and name and all(n.isdecimal() for n in numbers)):
            raise ValueError(
                '--classes: expected names, or VALUE=NAME or R,G,B=NAME for '
                f'each class, got {word!r}.'
            )
        key = tuple(map(int, numbers))
        classes[key[0] if len(key) == 1 else key] = name
    return classes
