# Copyright (c) gps_seg contributors. Apache-2.0.
"""The parts that the reports of all conversions are written with."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

MAX_LISTED = 10
_MOST_SIZES = 3


def raise_problems(source: str, problems: Sequence[str]) -> None:
    """Raise all problems as one error; without any, do nothing.

    Args:
        source: Where they were found.
        problems: One line each.

    Raises:
        ValueError: If there is any problem.
    """
    if problems:
        raise ValueError(
            f'{source}: expected a data set without problems, found '
            f'{len(problems)}. Nothing was written. Mend or replace '
            'these files and convert again.\n'
            f'{bullets(problems, MAX_LISTED)}'
        )


def bullets(lines: Sequence[str], limit: int | None = None) -> str:
    """An indented list; says how many lines are above ``limit``."""
    shown = [f'  - {line}' for line in lines[:limit]]
    left = len(lines) - len(shown)
    return '\n'.join(shown + ([f'  - and {left} more'] if left else []))


def size_line(sizes: Mapping[str, int]) -> str:
    """The most frequent image sizes, with their numbers."""
    ranked = sorted(sizes.items(), key=lambda kv: (-kv[1], kv[0]))
    shown = ', '.join(f'{size} ({n})' for size, n in ranked[:_MOST_SIZES])
    more = len(ranked) - _MOST_SIZES
    return shown + (f' and {more} more sizes' if more > 0 else '')


def write_report(folder: Path, facts: Mapping[str, Any], text: str) -> None:
    """Write ``conversion_report.txt`` and ``.json`` into ``folder``."""
    content = json.dumps(facts, indent=2) + '\n'
    (folder / 'conversion_report.json').write_text(content, 'utf-8')
    (folder / 'conversion_report.txt').write_text(text, 'utf-8')
