# Copyright (c) gps_seg contributors. Apache-2.0.
"""Lines that the reports of all conversions have in common."""

from collections.abc import Mapping, Sequence

MAX_LISTED = 10
_MOST_SIZES = 3


def raise_problems(source: str, problems: Sequence[str]) -> None:
    """Raise all problems as one error; without any, do nothing.

    Args:
        source: Name of the archive or folder that has them.
        problems: Problems, a line each.

    Raises:
        ValueError: If there is any problem.
    """
    if problems:
        raise ValueError(
            f'{source}: expected a data set without problems, found '
            f'{len(problems)}. Nothing was written. Fix or '
            'replace these files and convert again.\n'
            f'{bullets(problems, MAX_LISTED)}'
        )


def bullets(lines: Sequence[str], limit: int | None = None) -> str:
    """An indented list; ends with the number of lines beyond ``limit``."""
    shown = [f'  - {line}' for line in lines[:limit]]
    left = len(lines) - len(shown)
    return '\n'.join(shown + ([f'  - and {left} more'] if left else []))


def size_line(sizes: Mapping[str, int]) -> str:
    """The most frequent image sizes, and how many images have them."""
    ranked = sorted(sizes.items(), key=lambda kv: (-kv[1], kv[0]))
    shown = ', '.join(f'{size} ({n})' for size, n in ranked[:_MOST_SIZES])
    more = len(ranked) - _MOST_SIZES
    return shown + (f' and {more} more sizes' if more > 0 else '')
