# Copyright (c) gps_seg contributors. Apache-2.0.
"""List the pictures of a folder, and say what to do with other files."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from gps_seg.datasets.conversion.pictures import SUFFIXES

_AS_VOLUME = (
    'a scan. Write its slices as PNG files first, images and masks alike, for '
    'example with SimpleITK or nibabel, and give each patient a group'
)
_AS_VIDEO = (
    'a video. Write its frames as PNG files first, for example with ffmpeg '
    '-i VIDEO frames/VIDEO_%06d.png, and give each video a group'
)
_AS_PICTURE = 'a format that is not read. Convert it to PNG'
#: Endings of files that hold images but are not read, with the remedy.
UNREAD = {
    **dict.fromkeys(('.mp4', '.avi', '.mov', '.mkv', '.webm'), _AS_VIDEO),
    **dict.fromkeys(('.dcm', '.nii', '.nii.gz', '.mha', '.nrrd'), _AS_VOLUME),
    **dict.fromkeys(
        ('.gif', '.heic', '.avif', '.jp2', '.psd', '.npy', '.mat'), _AS_PICTURE
    ),
}


class Listing(NamedTuple):
    """The pictures below a folder.

    Args:
        names: Paths below the folder, with ``/`` between their parts, sorted.
        problems: A line for each kind of file that has to be converted.
        skipped: Number of other files by their ending.
    """

    names: tuple[str, ...]
    problems: tuple[str, ...]
    skipped: Counter[str]


def require_folders(images: Path, masks: Path) -> None:
    """Refuse what cannot be a folder of images beside one of masks.

    Args:
        images: Folder of the images.
        masks: Folder of the masks.

    Raises:
        FileNotFoundError: If one of them does not exist.
        NotADirectoryError: If one of them is a file.
        ValueError: If they are the same folder.
    """
    for what, folder in (('images', images), ('masks', masks)):
        if not folder.exists():
            raise FileNotFoundError(
                f'{what}: expected a folder, found nothing at {folder}. Check '
                'the path.'
            )
        if not folder.is_dir():
            raise NotADirectoryError(
                f'{what}: expected a folder, got the file {folder}. Unpack an '
                'archive first.'
            )
    if images.resolve() == masks.resolve():
        raise ValueError(
            f'masks: expected another folder than that of the images, got '
            f'{masks} for both. Move the masks to a folder of their own.'
        )


def list_pictures(folder: Path, other: Path, what: str) -> Listing:
    """List the pictures below a folder, hidden ones apart.

    Args:
        folder: Folder of the images or of the masks.
        other: Folder of the others; left out if it is inside this one.
        what: ``'images'`` or ``'masks'``, for the messages.

    Raises:
        ValueError: If there are no pictures and nothing else is wrong.
    """
    names, skipped = [], Counter[str]()
    unread: dict[str, list[str]] = {}
    for name in _files(folder, other.resolve()):
        suffix = _suffix(name)
        if suffix in SUFFIXES:
            names.append(name)
        elif suffix in UNREAD:
            unread.setdefault(suffix, []).append(name)
        else:
            skipped[suffix or 'no ending'] += 1
    problems = tuple(
        f'{what}: {len(files)} {suffix} file(s), such as {min(files)}: '
        f'expected pictures, got {UNREAD[suffix]}'
        for suffix, files in sorted(unread.items())
    )
    if not names and not problems:
        raise ValueError(
            f'{what}: expected files that end in {", ".join(SUFFIXES)}, got '
            f'{_counts(skipped) or "no files at all"} ({folder}). Check the '
            'path.'
        )
    return Listing(tuple(sorted(names)), problems, skipped)


def note_on_skipped(what: str, skipped: Counter[str]) -> list[str]:
    """A note on the files that are no pictures, if there are any.

    Args:
        what: ``'images'`` or ``'masks'``.
        skipped: Number of files by their ending.
    """
    if not skipped:
        return []
    return [f'Skipped among the {what}: {_counts(skipped)}.']


def _files(folder: Path, other: Path) -> Iterator[str]:
    """Files below a folder; neither hidden ones nor those in ``other``."""
    known = {folder.resolve(), other}  # a link may lead back
    for parent, folders, files in os.walk(folder, followlinks=True):
        inside = {name: Path(parent, name).resolve() for name in folders}
        folders[:] = [
            name
            for name, path in inside.items()
            if not _is_hidden(name) and path not in known
        ]
        known.update(inside.values())
        below = PurePosixPath(Path(parent).relative_to(folder).as_posix())
        for name in files:
            if not _is_hidden(name):
                yield str(below / name)


def _is_hidden(name: str) -> bool:
    return name.startswith('.') or name in ('__MACOSX', 'Thumbs.db')


def _suffix(name: str) -> str:
    low = name.lower()
    return '.nii.gz' if low.endswith('.nii.gz') else PurePosixPath(low).suffix


def _counts(skipped: Counter[str]) -> str:
    return ', '.join(f'{n} {suffix}' for suffix, n in skipped.most_common(5))
