# Copyright (c) gps_seg contributors. Apache-2.0.
"""Lists of pairs: two columns, an image and its mask, with a tab between."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from gps_seg.datasets.image_groups import write_groups
from gps_seg.datasets.own_folder.found import Found
from gps_seg.datasets.own_folder.pairing import Pair
from gps_seg.files import (
    new_folder,
    require_new,
    require_new_or_empty,
    write_json,
    write_text,
)

SPLITS = 'splits'
FOUND = 'found.json'


def write_lists(
    found: Found, splits: Mapping[str, Sequence[Pair]], folder: str | Path
) -> None:
    """Write the lists of a split, and what was found, whole or not at all.

    Writes ``splits/<split>.txt``, ``splits/sequences.csv`` if there are
    groups, and ``found.json``.

    Args:
        found: Result of :func:`look`.
        splits: Result of :func:`split`.
        folder: Folder to write to; created if need be.

    Raises:
        FileExistsError: If it has such files.
        ValueError: If the name of a file has a tab or a line end.
        OSError: If the folder cannot be written, for example on a full disk.

    Example::

        write_lists(found, split(found), 'polyps')
    """
    folder = Path(folder)
    facts = require_new(folder / FOUND, '.json')
    require_new_or_empty(folder / SPLITS)
    for pairs in splits.values():
        _require_lines(pairs)  # before a folder is made
    folder.mkdir(parents=True, exist_ok=True)
    with new_folder(folder / SPLITS) as partial:
        for name, pairs in splits.items():
            write_list(pairs, partial / f'{name}.txt')
        write_groups(_by_stem(found), partial)
        write_json(found.to_json(), facts)


def write_list(pairs: Sequence[Pair], path: str | Path) -> None:
    """Write one list, whole or not at all.

    Args:
        pairs: Images and masks.
        path: File to write.

    Raises:
        ValueError: If the name of a file has a tab or a line end.
        OSError: If the file cannot be written.

    Example::

        write_list(paired('photos', 'outlines'), 'all.txt')
    """
    _require_lines(pairs)
    write_text(''.join(f'{p.image}\t{p.mask}\n' for p in pairs), path)


def read_list(path: str | Path) -> list[tuple[str, str]]:
    """The images and masks of a list.

    Args:
        path: List with two columns.

    Raises:
        ValueError: If it is empty, or a line has another number of columns.
    """
    lines = Path(path).read_text('utf-8-sig').splitlines()
    rows = [tuple(line.split('\t')) for line in lines if line.strip()]
    for number, row in enumerate(rows, 1):
        if len(row) != 2 or not all(row):
            raise ValueError(
                f'split list: expected an image, a tab and its mask in each '
                f'line, got {lines[number - 1]!r} ({path}, line {number}).'
            )
    if not rows:
        raise ValueError(
            f'split list: expected an image, a tab and its mask in each line, '
            f'got an empty file, {path}.'
        )
    return [(image, mask) for image, mask in rows]


def _by_stem(found: Found) -> dict[str, str]:
    """Groups by the names that a comparison of runs gives to images."""
    stems = [PurePosixPath(name).name for name in found.groups]
    if len(set(stems)) < len(stems):
        return dict(found.groups)
    return dict(zip(stems, found.groups.values(), strict=True))


def _require_lines(pairs: Sequence[Pair]) -> None:
    paths = (path for pair in pairs for path in (pair.image, pair.mask))
    for path in paths:
        if '\t' in path or len(path.splitlines()) != 1:
            raise ValueError(
                f'split list: expected names without tabs and line ends, got '
                f'{path!r}. Rename the file.'
            )
