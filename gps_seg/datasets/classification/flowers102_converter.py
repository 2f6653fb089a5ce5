# Copyright (c) gps_seg contributors. Apache-2.0.
"""Turn an archive of Flowers-102 into the folder that the configs read.

Every image is decoded while it is copied, all problems are reported at once,
and the target is either complete and checked, or not there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import mat4py

from gps_seg.datasets.classification.fgvc import OxfordFlowers
from gps_seg.datasets.classification.vtab1k import VTAB1k
from gps_seg.datasets.pair_checks import (
    PairError,
    about,
    decode,
    read_member,
)
from gps_seg.datasets.report_text import raise_problems
from gps_seg.datasets.source_files import SourceFiles, open_source
from gps_seg.files import new_folder, require_new_or_empty

IMAGES = 'jpg'
LABELS = 'imagelabels.mat'
OFFICIAL_SPLIT = 'setid.mat'
VTAB_SPLIT = 'vtab1k_split.json'
VTAB_TASK = 'oxford_flowers102'


def convert_flowers102(
    source: str | Path,
    target: str | Path,
    *,
    check_size: bool = True,
    progress: Callable[[Sequence[str]], Iterable[str]] = iter,
) -> dict[str, int]:
    """Write images, labels and split into a new folder.

    If the source has ``vtab1k_split.json``, the lists of VTAB-1k are written
    beside them, so that the folder is also that of a task of
    :class:`~gps_seg.datasets.VTAB1k`.

    Args:
        source: Zip archive or folder that holds ``jpg/``,
            ``imagelabels.mat`` and ``setid.mat``, at its root or further
            down.
        target: Folder to make; may exist if it is empty.
        check_size: Whether the number of images must be the official one.
        progress: Wraps the sequence of file names, to show how far we are.

    Returns:
        Number of images of each split.

    Raises:
        FileNotFoundError: If ``source`` does not exist.
        FileExistsError: If ``target`` exists and is not an empty folder.
        ValueError: If ``source`` is not such a data set, or has any problem;
            lists the problems.
        OSError: If ``target`` cannot be written, for example on a full disk.
    """
    target = Path(target)
    require_new_or_empty(target)
    files = open_source(source)
    try:
        root = find_root(files, str(source))
        with new_folder(target) as folder:
            _copy_lists(files, root, folder)
            raise_problems(
                str(source), _copy_images(files, root, folder, progress)
            )
            if root + VTAB_SPLIT in files.names:
                _write_vtab_lists(files.read(root + VTAB_SPLIT), folder)
            return split_sizes(folder, check_size)
    finally:
        files.close()


def find_root(files: SourceFiles, source: str) -> str:
    """The folder in the source that has the data set; ends in ``/`` or is ''.

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


def _copy_lists(files: SourceFiles, root: str, folder: Path) -> None:
    for name in (LABELS, OFFICIAL_SPLIT):
        (folder / name).write_bytes(read_member(files, root + name))


def _copy_images(
    files: SourceFiles,
    root: str,
    folder: Path,
    progress: Callable[[Sequence[str]], Iterable[str]],
) -> list[str]:
    """Copy the images that decode; what is wrong with the others."""
    (folder / IMAGES).mkdir()
    prefix = f'{root}{IMAGES}/'
    names = sorted(
        name
        for name in files.names
        if name.startswith(prefix) and name.endswith('.jpg')
    )
    problems = []
    for name in progress(names):
        try:
            content = read_member(files, name)
            about(name, decode, content, 'RGB')
        except PairError as problem:
            problems.append(str(problem))
        else:
            (folder / IMAGES / PurePosixPath(name).name).write_bytes(content)
    return problems


def _write_vtab_lists(content: bytes, folder: Path) -> None:
    split = _read_vtab_split(content)
    label_of = _labels(folder)
    test = mat4py.loadmat(str(folder / OFFICIAL_SPLIT))['tstid']
    lists = {
        'train800': split['train'],
        'val200': split['val'],
        'train800val200': [*split['train'], *split['val']],
        'test': [f'image_{number:05d}.jpg' for number in test],
    }
    unknown = {n for names in lists.values() for n in names} - set(label_of)
    if unknown:
        raise ValueError(
            f'{VTAB_SPLIT}: expected names of labelled images, got '
            f'{sorted(unknown)[:3]} ({len(unknown)} in all). Take the list of '
            'this data set.'
        )
    for name, images in lists.items():
        lines = [f'{IMAGES}/{image} {label_of[image]}' for image in images]
        Path(folder, f'{name}.txt').write_text('\n'.join(lines) + '\n')


def _labels(folder: Path) -> dict[str, int]:
    """File name of an image -> its label, counted from 0."""
    labels = mat4py.loadmat(str(folder / LABELS))['labels']
    return {
        f'image_{number:05d}.jpg': int(label) - 1
        for number, label in enumerate(labels, start=1)
    }


def _read_vtab_split(content: bytes) -> Mapping[str, Any]:
    try:
        split = json.loads(content)
    except ValueError as err:
        raise ValueError(
            f'{VTAB_SPLIT}: expected JSON, got what cannot be read ({err}).'
        ) from err
    if not isinstance(split, dict) or not {'train', 'val'} <= split.keys():
        raise ValueError(
            f'{VTAB_SPLIT}: expected the keys "train" and "val", got '
            f'{list(split)[:5]}.'
        )
    return split
