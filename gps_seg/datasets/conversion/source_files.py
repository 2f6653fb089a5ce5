# Copyright (c) gps_seg contributors. Apache-2.0.
"""Read a data set where it lies: in a folder, or inside a zip archive.

Nothing is extracted under the name that an archive gives it, so a hostile
name such as ``../../.bashrc`` can do no harm. Such an archive is refused all
the same.
"""

import lzma
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Protocol

#: Largest file that is read, in bytes. A zip archive may unpack to a thousand
#: times its size, so this bounds the memory.
MAX_MEMBER = 2**26

UNREADABLE_MEMBER = (
    OSError,
    EOFError,
    RuntimeError,  # an encrypted member
    NotImplementedError,  # a compression that this Python lacks
    ValueError,  # a name that is no UTF-8
    struct.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    zlib.error,
)


class SourceFiles(Protocol):
    """Files by their path relative to the root, with ``/`` as separator."""

    names: frozenset[str]

    def read(self, name: str, limit: int = MAX_MEMBER) -> bytes:
        """Content of one file; raises one of ``UNREADABLE_MEMBER``."""

    def close(self) -> None:
        """Close the source."""


class FolderFiles:
    """The files below a folder.

    Raises:
        ValueError: If one of them is a link to a file elsewhere.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        files = [path for path in root.rglob('*') if path.is_file()]
        for path in files:
            if path.is_symlink():
                _require_inside(path, root)
        self.names = frozenset(
            path.relative_to(root).as_posix() for path in files
        )

    def read(self, name: str, limit: int = MAX_MEMBER) -> bytes:
        """Content of one file."""
        path = self._root / name
        _require_small(path.stat().st_size, limit)
        return path.read_bytes()

    def close(self) -> None:
        """Do nothing: no file is open."""


class ZipFiles:
    """The files inside a zip archive.

    Raises:
        ValueError: If its list of files is damaged, or a name leads out of
            the archive, is there twice or cannot be printed.
    """

    def __init__(self, archive: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(archive)
        except UNREADABLE_MEMBER as error:
            raise ValueError(
                'source: expected a zip archive, got one that cannot be '
                f'read: {error} ({archive}). Download it again.'
            ) from error
        names = [n for n in self._zip.namelist() if not n.endswith('/')]
        self.names = frozenset(names)
        try:
            _check_names(names, archive)
        except ValueError:
            self.close()
            raise

    def read(self, name: str, limit: int = MAX_MEMBER) -> bytes:
        """Content of one file."""
        # zipfile reads no more than the size that is claimed.
        _require_small(self._zip.getinfo(name).file_size, limit)
        return self._zip.read(name)

    def close(self) -> None:
        """Close the archive."""
        self._zip.close()


def open_source(source: str | Path) -> SourceFiles:
    """Open an archive or a folder for reading.

    Raises:
        FileNotFoundError: If ``source`` does not exist.
        ValueError: If it is neither a folder nor a zip archive, is damaged,
            or a name leads out of it or is there twice.
    """
    path = Path(source)
    if not path.exists():
        raise FileNotFoundError(
            'source: expected a zip archive or a folder, found nothing at '
            f'{path}. Check the path; data/README.md and docs/ say where to '
            'download each data set.'
        )
    if path.is_dir():
        return FolderFiles(path)
    if not zipfile.is_zipfile(path):
        raise ValueError(
            'source: expected a zip archive or a folder, got a file that is '
            f'not a zip archive, or an incomplete one ({path}). Download it '
            'again.'
        )
    return ZipFiles(path)


def _require_small(size: int, limit: int) -> None:
    if size > limit:
        raise OSError(f'expected at most {limit:,} bytes, got {size:,}')


def _require_inside(link: Path, root: Path) -> None:
    if not link.resolve().is_relative_to(root.resolve()):
        raise ValueError(
            f'source: expected files inside the folder, got {link}, a link '
            f'to {link.resolve()}. Copy that file, or give its folder.'
        )


def _check_names(names: Sequence[str], archive: Path) -> None:
    """Refuse an archive whose names cannot be those of files in a folder."""
    times = Counter(map(PurePosixPath, names))
    for name in sorted(names):
        path = PurePosixPath(name)
        if not path.name:
            kind = 'names of files'
        elif _leads_outside(name):
            kind = 'names inside the archive'
        elif not name.isprintable():
            kind = 'names that can be printed'
        elif times[path] > 1:
            kind = 'every name once'
        else:
            continue
        raise ValueError(
            f'source: expected {kind}, got {name!r} ({archive}). Do not '
            'trust this archive; get the official one.'
        )


def _leads_outside(name: str) -> bool:
    parts = PurePosixPath(name.replace('\\', '/')).parts
    # On Windows a colon names a drive.
    return '..' in parts or name.startswith(('/', '\\')) or ':' in name
