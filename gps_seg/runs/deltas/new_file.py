# Copyright (c) gps_seg contributors. Apache-2.0.
"""Results of commands go to new files, never over old ones."""

import os

from gps_seg.delta.delta import Delta
from gps_seg.files import require_new

#: How the name of a delta file ends.
DELTA_SUFFIX = '.safetensors'


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
