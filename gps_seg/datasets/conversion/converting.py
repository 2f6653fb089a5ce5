# Copyright (c) gps_seg contributors. Apache-2.0.
"""The frame of every conversion: from a source to a new folder."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from gps_seg.datasets.conversion.source_files import SourceFiles, open_source
from gps_seg.files import new_folder, require_new_or_empty


@contextmanager
def converting(
    source: str | Path, target: str | Path
) -> Iterator[tuple[SourceFiles, Path]]:
    """Open a source and make a folder that becomes ``target`` at the end.

    If the block raises, the folder is removed and ``target`` is unchanged.

    Args:
        source: Zip archive or folder.
        target: Folder to create; an empty one may exist.

    Yields:
        The files of the source, and the folder to write to.

    Raises:
        FileNotFoundError: If ``source`` does not exist.
        FileExistsError: If ``target`` exists and is not an empty folder.
        ValueError: If ``source`` is neither a folder nor a sound archive.
        OSError: If ``target`` cannot be written, for example on a full disk.
    """
    target = Path(target)
    require_new_or_empty(target)
    with closing(open_source(source)) as files, new_folder(target) as folder:
        yield files, folder
