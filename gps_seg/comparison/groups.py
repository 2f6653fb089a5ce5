# Copyright (c) gps_seg contributors. Apache-2.0.
"""Which images belong together: frames of one video, slices of one patient."""

from __future__ import annotations

import csv
from pathlib import Path

_COLUMNS = ['image', 'group']


def read_groups(path: Path) -> dict[str, str]:
    r"""Read the group of each image from a CSV file.

    Args:
        path: File whose first line is ``image,group``; then one line for each
            image. An image is the name of its file without the ending.

    Returns:
        Group by image.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the first line differs, a cell is empty, or an image
            has two groups.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, 'groups.csv')
        ...     _ = path.write_text('image,group\nframe1,video A\n')
        ...     read_groups(path)
        {'frame1': 'video A'}
    """
    # Spreadsheets begin their files with a byte order mark.
    with path.open(encoding='utf-8-sig', newline='') as file:
        head, *lines = [
            [cell.strip() for cell in line] for line in csv.reader(file)
        ] or [[]]
    if head != _COLUMNS:
        raise _error(path, 1, head, 'the columns image,group')
    groups: dict[str, str] = {}
    for number, line in enumerate(lines, start=2):
        if not any(line):
            continue
        if len(line) != len(_COLUMNS) or not all(line):
            raise _error(path, number, line, 'an image and its group')
        image, group = line
        if groups.setdefault(image, group) != group:
            expected = f'one group for {image}, {groups[image]!r} so far'
            raise _error(path, number, line, expected)
    return groups


def _error(
    path: Path, number: int, line: list[str], expected: str
) -> ValueError:
    return ValueError(
        f'groups: expected {expected}, got {",".join(line)!r} ({path}, line '
        f'{number}). Write a CSV file with the columns image,group.'
    )
