# Copyright (c) gps_seg contributors. Apache-2.0.
"""Hidden names for incomplete files, and removal of abandoned ones.

A writer holds an advisory lock on the file or folder that it writes. The lock
ends with the process, so an unlocked one has been abandoned.
"""

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_DIGITS = 8
#: Age at which a file counts as abandoned on systems without locks.
_SECONDS = 24 * 60 * 60


@contextmanager
def partial_of(target: Path, make: Callable[[Path], None]) -> Iterator[Path]:
    """A locked file or folder with a hidden name beside ``target``.

    If it still has that name at the end of the block, it is removed.

    Args:
        target: Final name of the file or folder.
        make: Function that creates a file or folder at a path, and raises
            FileExistsError if the path is taken.
    """
    while True:
        partial = target.with_name(_hidden(target, uuid4().hex[:_DIGITS]))
        try:
            make(partial)
        except FileExistsError:
            continue
        handle = _lock(partial)
        if _is_at(partial, handle):
            break
        # Another process removed it before it was locked.
        _close(handle)
    try:
        yield partial
    finally:
        # An error here would hide the error of the block.
        with suppress(OSError):
            _remove(partial)
        _close(handle)


def remove_abandoned(target: Path) -> None:
    """Remove the remains of killed writers of ``target``."""
    name = _hidden(target, '\n')
    pattern = re.escape(name).replace('\\\n', f'[0-9a-f]{{{_DIGITS}}}')
    with suppress(OSError):
        for found in target.parent.iterdir():
            if re.fullmatch(pattern, found.name):
                _remove_if_abandoned(found)


def _hidden(target: Path, token: str) -> str:
    # The suffix is kept: some libraries choose the format by it.
    return f'.{target.stem}.partial-{token}{target.suffix}'


def _lock(path: Path) -> int | None:
    """Wait for the lock on a file or folder; None if there are no locks."""
    if fcntl is None:
        return None
    try:
        handle = _open_to_lock(path)
    except OSError:  # removed, or unreadable under this umask
        return None
    with suppress(OSError):  # not on every network file system
        fcntl.flock(handle, fcntl.LOCK_EX)
    return handle


def _open_to_lock(path: Path) -> int:
    # Neither follow a link elsewhere nor wait for the writer of a pipe.
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)


def _is_at(path: Path, handle: int | None) -> bool:
    """Whether a handle belongs to the file or folder at the path."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    return handle is None or os.path.samestat(found, os.fstat(handle))


def _close(handle: int | None) -> None:
    if handle is not None:
        os.close(handle)


def _remove_if_abandoned(partial: Path) -> None:
    with suppress(OSError):
        if fcntl is None:
            if time.time() - partial.lstat().st_mtime > _SECONDS:
                _remove(partial)
            return
        handle = _open_to_lock(partial)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(partial)
        finally:
            os.close(handle)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink()
