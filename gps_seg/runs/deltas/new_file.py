# Copyright (c) gps_seg contributors. Apache-2.0.
"""Write the results of commands as new files; nothing is overwritten."""

import os
from pathlib import Path

from gps_seg.delta import Delta
from gps_seg.files import DELTAS, require_new


def save_new(delta: Delta, path: str | os.PathLike[str]) -> int:
    """Write a delta to a new file; its folder is created if missing.

    Args:
        delta: Delta to write.
        path: New file, ``.safetensors``.

    Returns:
        Size of the file in bytes.

    Raises:
        OSError: See :func:`require_new` and :meth:`Delta.save`.
        ValueError: See :func:`require_new`.
    """
    path = require_new(path, *DELTAS)
    path.parent.mkdir(parents=True, exist_ok=True)
    delta.save(path)
    return path.stat().st_size


def name_and_megabytes(path: Path, size: int) -> str:
    """Name and size of a file, for people.

    Args:
        path: File that was written.
        size: Size in bytes.

    Example:
        >>> name_and_megabytes(Path('full.pth'), 1_234_567)
        'full.pth: 1.2 MB'
    """
    return f'{path}: {size / 1e6:.1f} MB'
