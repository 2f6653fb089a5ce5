# Copyright (c) gps_seg contributors. Apache-2.0.
"""Files that are there whole or not at all, whenever a process is killed.

Several processes may write one file: the last one that completes it wins.
"""

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from gps_seg.files.partial import partial_of, remove_abandoned


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A file to write beside ``path``; it becomes ``path`` when complete.

    It is there from the beginning, empty, under a hidden name of its own that
    keeps the ending, and open to the same users as any new file. On failure
    ``path`` is as it was before, and nothing is left beside it. What a killed
    process left goes with the next complete file.

    Raises:
        OSError: If the folder is missing or cannot be written to.
    """
    path = Path(path)
    with partial_of(path, _make_file) as partial:
        mode = stat.S_IMODE(partial.stat().st_mode)
        yield partial
        with open(partial, 'r+b') as file:
            os.fsync(file.fileno())
        if stat.S_IMODE(partial.stat().st_mode) != mode:
            partial.chmod(mode)  # a library has put a file of its own there
        os.replace(partial, path)
    _sync_folder(path.parent)
    remove_abandoned(path)


def write_bytes(content: bytes, path: str | os.PathLike[str]) -> None:
    """Write ``content``, whole or not at all.

    Raises:
        OSError: If it cannot be written; nothing is left behind, and what
            was there is untouched.
    """
    try:
        with replacing(path) as partial:
            partial.write_bytes(content)
    except OSError as error:
        raise type(error)(
            error.errno,
            f'file: expected to write {len(content)} bytes, got: '
            f'{error.strerror}. No file was changed. Check the folder, its '
            'permissions and the room on the disk',
            str(path),
        ) from error


def write_text(text: str, path: str | os.PathLike[str]) -> None:
    """Write ``text`` as UTF-8, whole or not at all; see write_bytes."""
    write_bytes(text.encode(), path)


def write_json(content: dict[str, Any], path: str | os.PathLike[str]) -> None:
    """Write ``content``, whole or not at all; see write_bytes."""
    write_text(json.dumps(content, indent=2) + '\n', path)


def require_new(path: str | os.PathLike[str], *suffixes: str) -> Path:
    """Refuse a name that cannot be that of a result, before the work begins.

    Args:
        path: Where the result is to go.
        suffixes: Endings that are allowed.

    Raises:
        ValueError: If the name ends otherwise.
        FileExistsError: If there is something of that name.
        NotADirectoryError: If it lies below a file.
    """
    path = Path(path)
    if path.suffix.lower() not in suffixes:
        raise ValueError(
            f'out: expected a name that ends in {" or ".join(suffixes)}, got '
            f'{path}.'
        )
    if os.path.lexists(path):
        raise FileExistsError(
            f'out: expected a new file, got one that is there ({path}). '
            'Remove it or choose another name; nothing was changed.'
        )
    above = next(folder for folder in path.parents if folder.exists())
    if not above.is_dir():
        raise NotADirectoryError(
            f'out: expected a folder, got the file {above} ({path}). Choose '
            'another name.'
        )
    return path


def _make_file(path: Path) -> None:
    # Not tempfile: its files are closed to all but their owner. O_EXCL does
    # not follow a link that someone else put there.
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut, where folders can be synced."""
    with suppress(OSError):  # Windows opens no folders
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
