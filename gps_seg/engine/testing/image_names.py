# Copyright (c) gps_seg contributors. Apache-2.0.
"""Names of the files that a test writes, one per image."""

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def paths_of(dataset: Any) -> list[str]:
    """Paths of the images of a data set; empty if it keeps no paths."""
    if not hasattr(dataset, 'get_data_info'):
        return []
    infos = (dataset.get_data_info(index) for index in range(len(dataset)))
    return [info['img_path'] for info in infos if 'img_path' in info]


def name_images(paths: Iterable[str]) -> dict[str, str]:
    """Name each image uniquely.

    The name is the stem of the file. If images share a stem, all names begin
    with the folder, relative to the folder that all images have in common. If
    images then differ only in their suffix, the names include the suffix.

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
    # Some file systems ignore case.
    counts = Counter(name.lower() for name in names)
    return all(count == 1 for count in counts.values())
