# Copyright (c) gps_seg contributors. Apache-2.0.
"""Turn an archive of Flowers-102 into the folder that the configs read.

Every image is decoded while it is copied, all problems are reported at once,
and the target is either complete and checked, or not there.
"""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from gps_seg.datasets.classification.fgvc import OxfordFlowers
from gps_seg.datasets.classification.flowers102_lists import (
    LABELS,
    MAX_LIST,
    OFFICIAL_SPLIT,
    VTAB_SPLIT,
    read_labels,
    read_official_split,
    read_vtab_split,
)
from gps_seg.datasets.classification.vtab1k import VTAB1k
from gps_seg.datasets.conversion.converting import converting
from gps_seg.datasets.conversion.pair_checks import read_member
from gps_seg.datasets.conversion.pictures import decode
from gps_seg.datasets.conversion.problems import about, problems_of
from gps_seg.datasets.conversion.report_text import raise_problems
from gps_seg.datasets.conversion.source_files import SourceFiles
from gps_seg.datasets.progress import Progress

IMAGES = 'jpg'
VTAB_TASK = 'oxford_flowers102'


def convert_flowers102(
    source: str | Path,
    target: str | Path,
    *,
    check_size: bool = True,
    progress: Progress[str] = iter,
) -> dict[str, int]:
    """Write images, labels and split into a new folder.

    If the source has ``vtab1k_split.json``, the lists of VTAB-1k are written
    as well, and :class:`~gps_seg.datasets.VTAB1k` reads the folder, too.

    Args:
        source: Zip archive or folder with ``jpg/``, ``imagelabels.mat`` and
            ``setid.mat``, at its root or further down.
        target: Folder to create; an empty one may exist.
        check_size: Whether the number of images must be the official one.
        progress: Wrapper of the file names that shows a progress bar.

    Returns:
        Number of images of each split.

    Raises:
        FileNotFoundError: If ``source`` does not exist.
        FileExistsError: If ``target`` exists and is not an empty folder.
        ValueError: If ``source`` is not such a data set, or has any problem;
            lists the problems.
        OSError: If ``target`` cannot be written, for example on a full disk.

    Example::

        sizes = convert_flowers102('flowers102.zip', 'data/flowers102')
    """
    with converting(source, target) as (files, folder):
        root = find_root(files, str(source))
        lists = _read_lists(files, root)
        for name in (LABELS, OFFICIAL_SPLIT):
            (folder / name).write_bytes(lists[name])
        raise_problems(
            str(source), _copy_images(files, root, folder, progress)
        )
        _write_vtab_lists(lists, folder)
        return _checked_sizes(str(source), folder, check_size)


def find_root(files: SourceFiles, source: str) -> str:
    """Prefix of the data set's names in the source: '' or ends in ``/``.

    Raises:
        ValueError: If there is none, or more than one.
    """
    roots = [
        name.removesuffix(LABELS)
        for name in files.names
        if PurePosixPath(name).name == LABELS
    ]
    complete = [
        root
        for root in roots
        if root + OFFICIAL_SPLIT in files.names
        and any(name.startswith(f'{root}{IMAGES}/') for name in files.names)
    ]
    if len(complete) != 1:
        raise ValueError(
            f'source: expected one folder with {IMAGES}/, {LABELS} and '
            f'{OFFICIAL_SPLIT}, found {len(complete)} ({source}). '
            f'{OxfordFlowers.facts.source}'
        )
    return complete[0]


def split_sizes(folder: Path, check_size: bool = True) -> dict[str, int]:
    """Build every data set of the folder, which checks it.

    Returns:
        Number of images of each split.
    """
    sizes = {
        split: len(
            OxfordFlowers(str(folder), split=split, check_size=check_size)
        )
        for split in ('train', 'val', 'test')
    }
    for split in ('train800', 'val200', 'train800val200'):
        if Path(folder, f'{split}.txt').is_file():
            data = VTAB1k(
                str(folder.parent),
                task=VTAB_TASK,
                split=split,
                folder=folder.name,
                check_size=check_size,
            )
            sizes[f'VTAB-1k {split}'] = len(data)
    return sizes


def _read_lists(files: SourceFiles, root: str) -> dict[str, bytes]:
    """Contents of the lists by name, once each has been read and checked."""
    lists = {
        name: read_member(files, root + name, MAX_LIST)
        for name in (LABELS, OFFICIAL_SPLIT, VTAB_SPLIT)
        if root + name in files.names
    }
    num_images = len(read_labels(lists[LABELS]))
    read_official_split(lists[OFFICIAL_SPLIT], num_images)
    return lists


def _checked_sizes(
    source: str, folder: Path, check_size: bool
) -> dict[str, int]:
    try:
        return split_sizes(folder, check_size)
    except FileNotFoundError as error:
        # What is missing was missing in the archive; the folder is removed.
        raise ValueError(f'{source}: {error}') from error


def _copy_images(
    files: SourceFiles,
    root: str,
    folder: Path,
    progress: Progress[str],
) -> list[str]:
    """Copy the images that can be decoded; return the others' errors."""
    (folder / IMAGES).mkdir()
    prefix = f'{root}{IMAGES}/'
    # Not from folders further down, where names may repeat.
    names = sorted(
        name
        for name in files.names
        if name.startswith(prefix)
        and name.endswith('.jpg')
        and '/' not in name.removeprefix(prefix)
    )

    def copy(name: str) -> None:
        content = read_member(files, name)
        about(name, decode, content, 'RGB')
        (folder / IMAGES / PurePosixPath(name).name).write_bytes(content)

    return problems_of(names, copy, progress)


def _write_vtab_lists(lists: Mapping[str, bytes], folder: Path) -> None:
    if VTAB_SPLIT not in lists:
        return
    split = read_vtab_split(lists[VTAB_SPLIT])
    labels = read_labels(lists[LABELS])
    official = read_official_split(lists[OFFICIAL_SPLIT], len(labels))
    label_of = {
        f'image_{number:05d}.jpg': label - 1  # counted from 0
        for number, label in enumerate(labels, start=1)
    }
    names_of = {
        'train800': split['train'],
        'val200': split['val'],
        'train800val200': [*split['train'], *split['val']],
        'test': [f'image_{number:05d}.jpg' for number in official['tstid']],
    }
    unknown = {n for names in names_of.values() for n in names} - set(label_of)
    if unknown:
        raise ValueError(
            f'{VTAB_SPLIT}: expected names of labelled images, got '
            f'{sorted(unknown)[:3]} ({len(unknown)} in all). Use the file of '
            'this data set.'
        )
    for name, images in names_of.items():
        lines = [f'{IMAGES}/{image} {label_of[image]}' for image in images]
        Path(folder, f'{name}.txt').write_text('\n'.join(lines) + '\n')
