# Copyright (c) gps_seg contributors. Apache-2.0.
"""Groups of images that must not be divided, such as the frames of a video."""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

#: File in a folder of split lists; one row for each image.
GROUPS_FILE = 'sequences.csv'
_HEADER = ['image', 'group']


def read_groups(folder: Path) -> dict[str, str]:
    """The group of each image; empty if ``folder`` has no such file.

    Args:
        folder: Folder that may have a ``sequences.csv``.

    Raises:
        ValueError: If its header is not ``image,group``, a row has another
            number of cells, or an image occurs twice.
    """
    path = folder / GROUPS_FILE
    return read_group_table(path) if path.is_file() else {}


def read_group_table(path: Path) -> dict[str, str]:
    """The group of each image in a file of any name; see :func:`read_groups`.

    Args:
        path: CSV file.
    """
    # A spreadsheet writes a mark in front of the first cell.
    with path.open(encoding='utf-8-sig', newline='') as file:
        header, *rows = list(csv.reader(file)) or [[]]
    if header != _HEADER or any(len(row) != len(_HEADER) for row in rows):
        raise ValueError(
            f'{path}: expected the header {",".join(_HEADER)} and two cells '
            f'in each row, got {",".join(header)!r} first. Write the name of '
            'an image without its suffix, a comma and its group.'
        )
    groups = dict(rows)
    if len(groups) < len(rows):
        raise ValueError(
            f'{path}: expected every image once, got {len(rows)} rows for '
            f'{len(groups)} images. Remove the rows that repeat.'
        )
    return groups


def write_groups(groups: Mapping[str, str], folder: Path) -> None:
    """Write the file; without groups, none."""
    if not groups:
        return
    path = folder / GROUPS_FILE
    with path.open('w', encoding='utf-8', newline='') as file:
        csv.writer(file, lineterminator='\n').writerows(
            [_HEADER, *groups.items()]
        )


def group_problems(
    groups: Mapping[str, str], train: Iterable[str], val: Iterable[str]
) -> list[str]:
    """Images without a group, and groups on both sides, one a line.

    Args:
        groups: Group of each image; empty if every image stands alone.
        train: Ids of the training images.
        val: Ids of the validation images.
    """
    if not groups:
        return []
    sides = [{id_: groups.get(id_) for id_ in ids} for ids in (train, val)]
    unknown = {id_ for side in sides for id_ in side if side[id_] is None}
    divided = set.intersection(*(set(side.values()) for side in sides))
    return [
        *(
            f'{id_}: is in a split list but not in {GROUPS_FILE}'
            for id_ in sorted(unknown)
        ),
        *(
            f'group {group}: expected in one split, has images in both train '
            'and val'
            for group in sorted(filter(None, divided))
        ),
    ]
