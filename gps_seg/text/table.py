# Copyright (c) gps_seg contributors. Apache-2.0.
"""Tables as plain text."""

from collections.abc import Sequence


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Cells in columns: the first to the left, the others to the right.

    Example:
        >>> print(aligned([('kind', 'entries'), ('attn.qkv', '3')]))
        kind      entries
        attn.qkv        3
    """
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return '\n'.join(
        '  '.join(
            [line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]
        ).rstrip()
        for line in lines
    )
