# Copyright (c) gps_seg contributors. Apache-2.0.
"""Checks that a data set on disk is the published one.

A truncated list, missing images, or labels that begin at one do not stop a
training; the score is merely some points lower. So every data set of this
folder checks its files, labels and counts when it is built.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Sample = Mapping[str, Any]


@dataclass(frozen=True)
class Facts:
    """Published facts about a data set.

    Args:
        title: Name of the data set, for messages.
        num_classes: Number of classes; labels are ``0 .. num_classes - 1``.
        sizes: Number of images of each split.
        layouts: Alternative lists of files and folders, relative to the root;
            all of one list must exist.
        source: Advice for messages: the download and its place on disk.
    """

    title: str
    num_classes: int
    sizes: Mapping[str, int]
    layouts: Sequence[Sequence[str]] = field(default=((),))
    source: str = ''


def require_split(facts: Facts, split: str) -> None:
    """Raise ValueError unless the data set has such a split."""
    if split not in facts.sizes:
        raise ValueError(
            f'split: expected one of {", ".join(facts.sizes)}, got {split!r} '
            f'({facts.title}).'
        )


def require_layout(facts: Facts, root: str | Path) -> None:
    """Raise FileNotFoundError unless one of the layouts is complete.

    Args:
        facts: Facts about the data set.
        root: Folder of the data set.
    """
    missing = [
        [name for name in layout if not Path(root, name).exists()]
        for layout in facts.layouts
    ]
    if all(missing):
        fewest = min(missing, key=len)
        expected = ' or '.join(', '.join(names) for names in facts.layouts)
        raise FileNotFoundError(
            f'{facts.title}: expected {expected} in {root} (data_root), '
            f'missing {", ".join(fewest)}. {facts.source}'
        )


def check_samples(
    samples: Sequence[Sample],
    facts: Facts,
    split: str,
    check_size: bool = True,
) -> None:
    """Raise an error, with all problems, unless the split is as published.

    Args:
        samples: Samples with ``img_path`` and ``gt_label``.
        facts: Facts about the data set.
        split: Name of a split, one of ``facts.sizes``.
        check_size: Whether the number of images must be the published one.

    Raises:
        FileNotFoundError: If images are missing and nothing else is wrong.
        ValueError: If anything else is wrong.
    """
    size = facts.sizes[split] if check_size else None
    problems = list(_problems(samples, facts.num_classes, size))
    paths = [str(sample['img_path']) for sample in samples]
    absent = absent_files(paths)
    if absent:
        problems.append(
            f'expected every image, missing {len(absent)} of {len(paths)}, '
            f'such as {absent[0]}'
        )
    if not problems:
        return
    only_absent = bool(absent) and len(problems) == 1
    error = FileNotFoundError if only_absent else ValueError
    raise error(
        f'{facts.title}, split {split!r}: {"; ".join(problems)}. '
        f'{facts.source}'
    )


def absent_files(paths: Iterable[str]) -> list[str]:
    """The paths at which there is no file, in order.

    Each folder is listed once: on a network drive fifty thousand single
    look-ups take minutes.
    """
    listings: dict[str, frozenset[str]] = {}
    absent = []
    for path in paths:
        folder, name = os.path.split(path)
        if folder not in listings:
            listings[folder] = _files_in(folder)
        if name not in listings[folder]:
            absent.append(path)
    return absent


def _files_in(folder: str) -> frozenset[str]:
    try:
        with os.scandir(folder) as entries:
            return frozenset(e.name for e in entries if e.is_file())
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()


def _problems(
    samples: Sequence[Sample], num_classes: int, size: int | None
) -> Iterator[str]:
    """What is wrong with the samples, one phrase per problem."""
    if not samples:
        yield 'expected images, got none'
        return
    if size is not None and len(samples) != size:
        yield f'expected {size} images, got {len(samples)}'
    labels = {int(sample['gt_label']) for sample in samples}
    low, high = min(labels), max(labels)
    if low < 0 or high >= num_classes:
        yield (
            f'expected labels from 0 to {num_classes - 1}, got {low} to {high}'
        )
    copies = len(samples) - len({sample['img_path'] for sample in samples})
    if copies:
        yield f'expected every image once, got {copies} repeated'
