# Copyright (c) gps_seg contributors. Apache-2.0.
"""Make a folder of files that is complete under its name, or not there."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gps_seg.files.partial import partial_of, remove_abandoned

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


def require_new_or_empty(target: Path) -> None:
    """Refuse a target that already holds something.

    Raises:
        FileExistsError: If ``target`` is a file, or a folder that is not
            empty.
    """
    if not target.exists():
        return
    if not target.is_dir():
        kind = 'a file'
    elif any(target.iterdir()):
        kind = 'a folder with files in it'
    else:
        return
    raise FileExistsError(
        f'target: expected a folder that is new or empty, got {kind} '
        f'({target}). Remove it or name another one; nothing was changed.'
    )


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A hidden folder beside ``target`` that takes its name at the end.

    If the block raises, the hidden folder and all in it are removed and
    ``target`` is as it was. What a killed process left of this folder goes
    when it is complete.

    Raises:
        OSError: If the folder cannot be written; says so plainly when the
            disk is full.
    """
    try:
        with partial_of(target, _make_folder) as partial:
            yield partial
            if target.exists():
                target.rmdir()  # refuses one that has been filled meanwhile
            partial.rename(target)
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        raise OSError(
            error.errno,
            'target: expected room for the new files, but the disk is full. '
            'The incomplete folder was removed. Free some space or name a '
            'folder on another disk',
            str(target),
        ) from error
    remove_abandoned(target)


def _make_folder(path: Path) -> None:
    # Not tempfile.mkdtemp: its folder is closed to everyone but its owner,
    # and would stay so under its final name.
    path.mkdir(parents=True)
