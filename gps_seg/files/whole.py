# Copyright (c) gps_seg contributors. Apache-2.0.
"""Write files whole or not at all, even if the process is killed.

If several processes write the same file, the last to complete it wins.
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
    """A hidden file beside ``path`` that replaces it at the end of the block.

    It exists from the beginning, empty, with the suffix of ``path`` and the
    permissions of any new file. If the block raises, it is removed and
    ``path`` is unchanged. Remains of killed processes are removed with the
    next complete file.

    Args:
        path: File to create or replace.

    Raises:
        OSError: If the folder is missing or cannot be written to.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     with replacing(Path(folder, 'a.txt')) as partial:
        ...         _ = partial.write_text('complete')
        ...     print(Path(folder, 'a.txt').read_text())
        complete
    """
    path = Path(path)
    with partial_of(path, _make_file) as partial:
        mode = stat.S_IMODE(partial.stat().st_mode)
        yield partial
        with open(partial, 'r+b') as file:
            os.fsync(file.fileno())
        if stat.S_IMODE(partial.stat().st_mode) != mode:
            partial.chmod(mode)  # a library replaced the file by its own
        os.replace(partial, path)
    _sync_folder(path.parent)
    remove_abandoned(path)


def write_bytes(content: bytes, path: str | os.PathLike[str]) -> None:
    """Write bytes to a file, whole or not at all.

    Args:
        content: Content of the file.
        path: File to create or replace.

    Raises:
        OSError: If the file cannot be written; ``path`` is unchanged and
            nothing is left beside it.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     write_bytes(b'GPS', Path(folder, 'a.bin'))
        ...     print(Path(folder, 'a.bin').read_bytes())
        b'GPS'
    """
    try:
        with replacing(path) as partial:
            partial.write_bytes(content)
    except OSError as error:
        raise type(error)(
            error.errno,
            f'file: expected to write {len(content)} bytes, got: '
            f'{error.strerror}. No file was changed. Check the folder, its '
            'permissions and the free space',
            str(path),
        ) from error


def write_text(text: str, path: str | os.PathLike[str]) -> None:
    """Write text as UTF-8, whole or not at all; see :func:`write_bytes`.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     write_text('GPS', Path(folder, 'a.txt'))
        ...     print(Path(folder, 'a.txt').read_text())
        GPS
    """
    write_bytes(text.encode(), path)


def write_json(content: dict[str, Any], path: str | os.PathLike[str]) -> None:
    """Write JSON, whole or not at all; see :func:`write_bytes`.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     write_json({'k': 1}, Path(folder, 'a.json'))
        ...     print(Path(folder, 'a.json').read_text().split())
        ['{', '"k":', '1', '}']
    """
    write_text(json.dumps(content, indent=2) + '\n', path)


def require_new(path: str | os.PathLike[str], *suffixes: str) -> Path:
    """Check the name of an output file before the work begins.

    Args:
        path: Path of the output file.
        suffixes: Allowed suffixes, such as ``'.png'``.

    Returns:
        The path.

    Raises:
        ValueError: If the name has another suffix.
        FileExistsError: If there is a file or folder of that name.
        NotADirectoryError: If one of its parents is a file.

    Example:
        >>> require_new('curves.txt', '.png', '.svg')
        Traceback (most recent call last):
        ValueError: out: expected a name that ends in .png or .svg, got ...
    """
    path = Path(path)
    if path.suffix.lower() not in suffixes:
        raise ValueError(
            f'out: expected a name that ends in {" or ".join(suffixes)}, got '
            f'{path}.'
        )
    if os.path.lexists(path):
        raise FileExistsError(
            f'out: expected a new file, got one that exists ({path}). Remove '
            'it or choose another name; nothing was changed.'
        )
    above = next(folder for folder in path.parents if folder.exists())
    if not above.is_dir():
        raise NotADirectoryError(
            f'out: expected a folder, got the file {above} ({path}). Choose '
            'another name.'
        )
    return path


def _make_file(path: Path) -> None:
    # Not tempfile: only the owner may open its files. O_EXCL does not follow
    # a link that someone else created.
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut, where folders can be synced."""
    with suppress(OSError):  # Windows opens no folders
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
