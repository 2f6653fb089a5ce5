# Copyright (c) gps_seg contributors. Apache-2.0.
"""Read a data set where it lies: in a folder, or inside a zip archive.

Nothing is ever extracted under the name that an archive gives it, so a
hostile name (``../../.bashrc``) has no path to be written to; such an archive
is refused all the same.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Protocol

UNREADABLE_MEMBER = (
    OSError,
    EOFError,
    RuntimeError,  # an encrypted member
    NotImplementedError,  # a compression that this Python lacks
    zipfile.BadZipFile,
    zlib.error,
)


class SourceFiles(Protocol):
    """Files by their path relative to the root, with ``/`` between parts."""

    names: frozenset[str]

    def read(self, name: str) -> bytes:
        """Content of one file; raises one of ``UNREADABLE_MEMBER``."""

    def close(self) -> None:
        """Let go of the source."""


class FolderFiles:
    """The files below a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.names = frozenset(
            path.relative_to(root).as_posix()
            for path in root.rglob('*')
            if path.is_file()
        )

    def read(self, name: str) -> bytes:
        """Content of one file."""
        return (self._root / name).read_bytes()

    def close(self) -> None:
        """Nothing is held open."""


class ZipFiles:
    """The files inside a zip archive."""

    def __init__(self, archive: Path) -> None:
        self._zip = zipfile.ZipFile(archive)
        members = [i for i in self._zip.infolist() if not i.is_dir()]
        self.names = frozenset(member.filename for member in members)

    def read(self, name: str) -> bytes:
        """Content of one file."""
        return self._zip.read(name)

    def close(self) -> None:
        """Close the archive."""
        self._zip.close()


def open_source(source: str | Path) -> SourceFiles:
    """Open an archive or a folder for reading.

    Raises:
        FileNotFoundError: If ``source`` does not exist.
        ValueError: If it is neither a folder nor a zip archive, or the archive
            holds a name that leads out of it.
    """
    path = Path(source)
    if not path.exists():
        raise FileNotFoundError(
            f'source: expected a zip archive or a folder, found nothing at '
            f'{path}. Check the path; data/README.md says where to get the '
            f'archive.'
        )
    if path.is_dir():
        return FolderFiles(path)
    if not zipfile.is_zipfile(path):
        raise ValueError(
            f'source: expected a zip archive or a folder, got a file that is '
            f'not a zip archive, or an incomplete one ({path}). Download it '
            f'again.'
        )
    files = ZipFiles(path)
    for name in sorted(files.names):
        if _leads_outside(name):
            files.close()
            raise ValueError(
                f'source: expected names inside the archive, got {name!r} '
                f'({path}). Do not trust this archive; get the official one.'
            )
    return files


def _leads_outside(name: str) -> bool:
    parts = PurePosixPath(name.replace('\\', '/')).parts
    return '..' in parts or name.startswith(('/', '\\')) or ':' in parts[0]
