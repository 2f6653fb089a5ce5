# Copyright (c) gps_seg contributors. Apache-2.0.
"""Names for what a test writes about each image."""

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def paths_of(dataset: Any) -> list[str]:
    """Paths of the images of a data set; none if it keeps no paths."""
    if not hasattr(dataset, 'get_data_info'):
        return []
    infos = (dataset.get_data_info(index) for index in range(len(dataset)))
    return [info['img_path'] for info in infos if 'img_path' in info]


def name_images(paths: Iterable[str]) -> dict[str, str]:
    """A name for each image, without an ending.

    It is the stem of the file. If images in different folders share a stem,
    all names begin with their folders below the common one; if they differ
    in the ending alone, it becomes part of the name.

    Example:
        >>> name_images(['data/a/1.jpg', 'data/a/2.jpg'])
        {'data/a/1.jpg': '1', 'data/a/2.jpg': '2'}
        >>> name_images(['data/a/1.jpg', 'data/b/1.jpg'])
        {'data/a/1.jpg': 'a/1', 'data/b/1.jpg': 'b/1'}
    """
    distinct = sorted(set(paths))
    if _all_differ(names := [Path(path).stem for path in distinct]):
        return dict(zip(distinct, names, strict=True))
    common = os.path.commonpath([Path(path).parent for path in distinct])
    files = [Path(os.path.relpath(path, common)) for path in distinct]
    names = [file.with_suffix('').as_posix() for file in files]
    if not _all_differ(names):
        names = [file.as_posix() for file in files]
    return dict(zip(distinct, names, strict=True))


def _all_differ(names: list[str]) -> bool:
    # Some file systems do not tell upper from lower case.
    counts = Counter(name.lower() for name in names)
    return all(count == 1 for count in counts.values())
