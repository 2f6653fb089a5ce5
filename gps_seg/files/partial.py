# Copyright (c) gps_seg contributors. Apache-2.0.
"""Hidden names for what is being written, and what killed writers leave.

A writer holds an advisory lock on what it writes. The lock ends with the
process, however that ends, so that others can tell what was abandoned.
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
#: After so long it is abandoned, where there are no locks to tell.
_SECONDS = 24 * 60 * 60


@contextmanager
def partial_of(target: Path, make: Callable[[Path], None]) -> Iterator[Path]:
    """Something with a hidden name beside ``target``, locked.

    It is removed at the end, if it still has that name.

    Args:
        target: Name that it is going to have.
        make: Makes the file or folder; FileExistsError if there is one.
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
        # Someone took it for abandoned before it was locked.
        _close(handle)
    try:
        yield partial
    finally:
        # Here an error would hide the one that led here.
        with suppress(OSError):
            _remove(partial)
        _close(handle)


def remove_abandoned(target: Path) -> None:
    """Remove what killed writers of ``target`` have left beside it."""
    name = _hidden(target, '\n')
    pattern = re.escape(name).replace('\\\n', f'[0-9a-f]{{{_DIGITS}}}')
    with suppress(OSError):
        for found in target.parent.iterdir():
            if re.fullmatch(pattern, found.name):
                _remove_if_abandoned(found)


def _hidden(target: Path, token: str) -> str:
    # The ending stays: some libraries choose the format by it.
    return f'.{target.stem}.partial-{token}{target.suffix}'


def _lock(path: Path) -> int | None:
    """Wait for the lock on a file or folder; None if there are no locks."""
    if fcntl is None:
        return None
    try:
        handle = _open_to_lock(path)
    except OSError:  # gone, or closed to its owner by the umask
        return None
    with suppress(OSError):  # not on every network file system
        fcntl.flock(handle, fcntl.LOCK_EX)
    return handle


def _open_to_lock(path: Path) -> int:
    # A link of this name leads elsewhere, and a pipe would have us wait.
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)


def _is_at(path: Path, handle: int | None) -> bool:
    """Whether a handle is that of what is at the path."""
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
