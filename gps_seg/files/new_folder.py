# Copyright (c) gps_seg contributors. Apache-2.0.
"""Create a folder that has its final name only once it is complete."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gps_seg.files.partial import partial_of, remove_abandoned

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


def require_new_or_empty(target: Path) -> None:
    """Refuse a target that already contains something.

    Args:
        target: Name of a folder that is going to be created.

    Raises:
        FileExistsError: If ``target`` is a file, or a folder that is not
            empty.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     require_new_or_empty(Path(folder))
        ...     require_new_or_empty(Path(folder, 'new'))
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
    """A hidden folder beside ``target`` that is renamed to it at the end.

    If the block raises, the hidden folder is removed with its content and
    ``target`` is unchanged. Remains of killed processes are removed once the
    folder is complete.

    Args:
        target: Name of the folder; an empty one may exist.

    Raises:
        OSError: If the folder cannot be written; names a full disk.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as parent:
        ...     with new_folder(Path(parent, 'data')) as folder:
        ...         _ = Path(folder, 'a.txt').write_text('complete')
        ...     print(Path(parent, 'data', 'a.txt').read_text())
        complete
    """
    try:
        with partial_of(target, _make_folder) as partial:
            yield partial
            if target.exists():
                target.rmdir()  # fails if it has been filled meanwhile
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
    # Not tempfile.mkdtemp: only the owner may open its folders, and a rename
    # keeps their mode.
    path.mkdir(parents=True)
