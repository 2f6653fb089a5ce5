# Copyright (c) gps_seg contributors. Apache-2.0.
"""Find the images of a source, their masks and their splits, by name."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import NamedTuple

from gps_seg.datasets.conversion_report import ConversionReport
from gps_seg.datasets.source_files import UNREADABLE_MEMBER, SourceFiles
from gps_seg.datasets.split_lists import SplitLists

IMAGES, MASKS, SUFFIX = 'images', 'masks', '.jpg'


class Pair(NamedTuple):
    """Names of an image and its mask within the source."""

    image: str
    mask: str


def list_pairs(
    files: SourceFiles, splits: SplitLists, report: ConversionReport
) -> dict[str, Pair]:
    """Map each id that has both an image and a mask to their names.

    Whatever does not match, among the files or with the split lists, becomes
    a problem of ``report``.

    Raises:
        ValueError: If the source has no images/ beside masks/, or several.
    """
    root = _data_root(files, report.source)
    images = _jpegs(files, root / IMAGES)
    masks = _jpegs(files, root / MASKS)
    both = images.keys() & masks.keys()
    listed = splits.split_of().keys()
    mismatches = {
        'is an image without a mask': images.keys() - both,
        'is a mask without an image': masks.keys() - both,
        'is in no split list': both - listed,
        'is in a split list, but not in the source': (
            listed - images.keys() - masks.keys()
        ),
    }
    report.problems += splits.problems()
    report.problems += [
        f'{id_}: {mismatch}'
        for mismatch, ids in mismatches.items()
        for id_ in sorted(ids)
    ]
    report.split_sizes = {k: len(ids) for k, ids in splits.ids.items()}
    report.notes += _other_lists(files, root, splits)
    return {id_: Pair(images[id_], masks[id_]) for id_ in sorted(both)}


def _data_root(files: SourceFiles, source: str) -> PurePosixPath:
    """The one folder that has both images/ and masks/ with JPEG files."""
    roots: dict[str, set[PurePosixPath]] = {IMAGES: set(), MASKS: set()}
    for path in map(PurePosixPath, files.names):
        is_jpeg = path.suffix == SUFFIX and '__MACOSX' not in path.parts
        if is_jpeg and path.parent.name in roots:
            roots[path.parent.name].add(path.parent.parent)
    found = sorted(roots[IMAGES] & roots[MASKS])
    if len(found) != 1:
        raise ValueError(
            f'source: expected one folder with {IMAGES}/<id>{SUFFIX} and '
            f'{MASKS}/<id>{SUFFIX}, found '
            f'{", ".join(map(str, found)) or "none"} ({source}). '
            f'data/README.md shows the layouts that can be read.'
        )
    return found[0]


def _jpegs(files: SourceFiles, folder: PurePosixPath) -> dict[str, str]:
    """File names by id, of the JPEG files right inside ``folder``."""
    return {
        path.stem: name
        for name in files.names
        if (path := PurePosixPath(name)).parent == folder
        and path.suffix == SUFFIX
    }


def _other_lists(
    files: SourceFiles, root: PurePosixPath, splits: SplitLists
) -> list[str]:
    """Note where the source has a split list that differs from ours."""
    notes = []
    for split, ids in splits.ids.items():
        name = str(root / f'{split}.txt')
        if name not in files.names:
            continue
        try:
            theirs = files.read(name).decode('utf-8', 'replace').split()
        except UNREADABLE_MEMBER:
            theirs = []
        if set(theirs) != set(ids):
            notes.append(
                f"{name} of the source differs from gps_seg's and was not used"
            )
    return notes
