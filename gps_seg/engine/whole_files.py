# Copyright (c) gps_seg contributors. Apache-2.0.
"""Files that are there whole or not at all, whenever a process is killed."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file to write beside ``path``; it becomes ``path`` when complete.

    On failure ``path`` is as it was before, and nothing is left beside it.
    """
    partial = path.with_name(f'.{path.name}.partial')
    try:
        yield partial
        with open(partial, 'rb') as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_text(text: str, path: Path) -> None:
    """Write ``text``, whole or not at all."""
    with replacing(path) as partial:
        partial.write_text(text, encoding='utf-8')


def write_json(content: dict[str, Any], path: Path) -> None:
    """Write ``content``, whole or not at all."""
    write_text(json.dumps(content, indent=2) + '\n', path)
