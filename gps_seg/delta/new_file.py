# Copyright (c) gps_seg contributors. Apache-2.0.
"""Results of commands go to new files, never over old ones."""

import os
from pathlib import Path

from gps_seg.delta.delta import Delta

#: How the name of a delta file ends.
DELTA_SUFFIX = '.safetensors'


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


def save_new(delta: Delta, path: str | os.PathLike[str]) -> int:
    """Write a delta to a new file, and its folder if that is missing.

    Returns:
        Size of the file in bytes.

    Raises:
        OSError: As :func:`require_new` and :meth:`Delta.save`.
        ValueError: As :func:`require_new`.
    """
    path = require_new(path, DELTA_SUFFIX)
    path.parent.mkdir(parents=True, exist_ok=True)
    delta.save(path)
    return path.stat().st_size
