# Copyright (c) gps_seg contributors. Apache-2.0.
"""Find the images of a source, their masks and their splits, by name."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import NamedTuple

from gps_seg.datasets.conversion.pictures import SUFFIXES
from gps_seg.datasets.conversion.polyp_report import ConversionReport
from gps_seg.datasets.conversion.source_files import (
    UNREADABLE_MEMBER,
    SourceFiles,
)
from gps_seg.datasets.split_lists import SplitLists

IMAGES, MASKS = 'images', 'masks'


class Pair(NamedTuple):
    """Names of an image and its mask within the source."""

    image: str
    mask: str


def list_pairs(
    files: SourceFiles, splits: SplitLists | None, report: ConversionReport
) -> dict[str, Pair]:
    """Map each id that has both an image and a mask to their names.

    Whatever does not match, among the files or with the split lists, becomes
    a problem of ``report``.

    Args:
        files: Files of the source.
        splits: Ids of each split; None accepts any ids.
        report: Report that collects problems and notes.

    Raises:
        ValueError: If the source has no images/ beside masks/, or several.
    """
    root = _data_root(files, report.source)
    images = _pictures(files, root / IMAGES, report)
    masks = _pictures(files, root / MASKS, report)
    both = images.keys() & masks.keys()
    mismatches = {
        'is an image without a mask': images.keys() - both,
        'is a mask without an image': masks.keys() - both,
    }
    if splits is not None:
        listed = splits.split_of().keys()
        mismatches |= {
            'is in no split list': both - listed,
            'is in a split list but not in the source': (
                listed - images.keys() - masks.keys()
            ),
        }
        report.problems += splits.problems()
        report.notes += _other_lists(files, root, splits)
    report.problems += [
        f'{id_}: {mismatch}'
        for mismatch, ids in mismatches.items()
        for id_ in sorted(ids)
    ]
    _report_suffixes(images, report)
    return {id_: Pair(images[id_], masks[id_]) for id_ in sorted(both)}


def _report_suffixes(
    images: Mapping[str, str], report: ConversionReport
) -> None:
    suffixes = sorted({PurePosixPath(name).suffix for name in images.values()})
    if len(suffixes) > 1:
        report.problems.append(
            f'{IMAGES}: expected one suffix for all images, got '
            f'{", ".join(suffixes)}'
        )
    elif suffixes and suffixes != [report.img_suffix]:
        report.notes.append(
            f'set img_suffix={suffixes[0]!r} of the data set in the config'
        )


def _data_root(files: SourceFiles, source: str) -> PurePosixPath:
    """The one folder that has both images/ and masks/ with pictures."""
    roots: dict[str, set[PurePosixPath]] = {IMAGES: set(), MASKS: set()}
    for path in map(PurePosixPath, files.names):
        if is_picture(path) and path.parent.name in roots:
            roots[path.parent.name].add(path.parent.parent)
    found = sorted(roots[IMAGES] & roots[MASKS])
    if len(found) != 1:
        raise ValueError(
            f'source: expected one folder with {IMAGES}/<id>.jpg and '
            f'{MASKS}/<id>.jpg (or another suffix), found '
            f'{", ".join(map(str, found)) or "none"} ({source}). '
            'data/README.md shows both layouts.'
        )
    return found[0]


def is_picture(path: PurePosixPath) -> bool:
    """Whether a name is that of a picture, and no hidden or system file."""
    hidden = path.name.startswith('.') or '__MACOSX' in path.parts
    return path.suffix.lower() in SUFFIXES and not hidden


def _pictures(
    files: SourceFiles, folder: PurePosixPath, report: ConversionReport
) -> dict[str, str]:
    """Names by id of the pictures in ``folder``, subfolders apart."""
    names: dict[str, str] = {}
    for name in sorted(files.names):
        path = PurePosixPath(name)
        if path.parent != folder or not is_picture(path):
            continue
        if path.stem in names:
            report.problems.append(
                f'{name}: expected one file per id, but {names[path.stem]} '
                'has the same'
            )
        names[path.stem] = name
    return names


def _other_lists(
    files: SourceFiles, root: PurePosixPath, splits: SplitLists
) -> list[str]:
    """A note for each split list of the source that differs from ours."""
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
                f'{name} of the source differs from the list that was used'
            )
    return notes
