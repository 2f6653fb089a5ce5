# Copyright (c) gps_seg contributors. Apache-2.0.
"""Data sets by name, on which models are scored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from gps_seg.comparison.intervals import require_groups
from gps_seg.comparison.records import VALIDATION
from gps_seg.datasets.image_groups import GROUPS_FILE, read_groups
from gps_seg.runs.scoring.images import (
    SCORED,
    ImagesToScore,
    first_of,
    image_names,
)

#: Key of a config with data sets of other images, by name.
UNSEEN = 'unseen'
#: Name of the config's own test set.
TEST = 'test'
#: Settings of data sets by name; None for the config's own.
DataSets = Mapping[str, Mapping[str, Any] | None]


def unseen_sets(
    config: Config, loaders: Sequence[str] = SCORED
) -> dict[str, dict[str, Any]]:
    """The data sets of a config's ``unseen``, by name; empty without it.

    One without a ``type`` is the config's own data set with other settings:
    ``unseen = dict(clinic=dict(data_root='data/clinic'))``.

    Args:
        config: Config that may have the key.
        loaders: Names of loaders of the own data set, the preferred one first.

    Raises:
        ValueError: If a name is that of a config's own data set.
    """
    sets = config.get(UNSEEN) or {}
    taken = [name for name in (VALIDATION, TEST) if name in sets]
    if taken:
        raise ValueError(
            f'{UNSEEN}: expected names of other data sets, got {taken[0]!r}, '
            "which names the config's own images. Rename the key."
        )
    like_own = first_of(config, loaders).dataset if sets else {}
    return {
        name: dict(data) if 'type' in data else {**like_own, **data}
        for name, data in sets.items()
    }


def open_sets(
    config: Config, sets: DataSets, loaders: Sequence[str] = SCORED
) -> dict[str, ImagesToScore]:
    """Open data sets, so that what is missing is known before any work.

    Args:
        config: Config with one of the loaders, and its loop.
        sets: Settings of the data sets by name; None for the loader's own.
        loaders: Names of loaders, the preferred one first.

    Raises:
        FileNotFoundError: If files are missing. The message names all of the
            data sets concerned.
    """
    opened: dict[str, ImagesToScore] = {}
    errors: dict[str, FileNotFoundError] = {}
    for name, dataset in sets.items():
        try:
            opened[name] = ImagesToScore(config, dataset, loaders)
        except FileNotFoundError as error:
            errors[name] = error
    if errors:
        own = first_of(config, loaders).dataset
        roots = {name: (sets[name] or own).get('data_root') for name in errors}
        first = next(iter(errors.values()))
        raise FileNotFoundError(
            f'data sets: expected the files of all {len(sets)}, got not all '
            f'of {_by_folder(roots)}. Those that are there: '
            f'{", ".join(opened) or "none"}. {first}'
        ) from first
    return opened


def _by_folder(roots: Mapping[str, Any]) -> str:
    """Folders, each with the data sets that lie in it."""
    names: dict[str, list[str]] = {}
    for name, root in roots.items():
        names.setdefault(str(root), []).append(name)
    return '; '.join(f'{root} ({", ".join(of)})' for root, of in names.items())


def groups_of(
    config: Config, sets: DataSets, loaders: Sequence[str] = SCORED
) -> dict[str, dict[str, str]]:
    """Images of one group, such as one video, by data set; those with groups.

    Args:
        config: Config with one of the loaders.
        sets: Settings of the data sets by name; None for the loader's own.
        loaders: Names of loaders, the preferred one first.

    Raises:
        FileNotFoundError: If files of a data set with groups are missing.
        ValueError: If it has an image without a group.
    """
    own = first_of(config, loaders).dataset
    tables = {name: groups_beside(data or own) for name, data in sets.items()}
    grouped = {name: sets[name] for name, table in tables.items() if table}
    return {
        name: groups_by_name(images.paths, tables[name], name)
        for name, images in open_sets(config, grouped, loaders).items()
    }


def groups_beside(dataset: Mapping[str, Any]) -> dict[str, str]:
    """The groups in the folder of a data set's list of images.

    Args:
        dataset: Settings of a data set.
    """
    lists = dataset.get('ann_file')
    if not lists:
        return {}
    return read_groups(Path(dataset.get('data_root') or '', lists).parent)


def groups_by_name(
    paths: Sequence[str], table: Mapping[str, str], what: str
) -> dict[str, str]:
    """The group of each image, by the name of the image; empty without any.

    A row of the table is the name of an image. It may have some of the folders
    in which the image lies, ``patient0/001``, and must where names repeat.

    Args:
        paths: Paths of the images.
        table: Group by image, as in ``sequences.csv``; may be empty.
        what: Name of the data set, for error messages.

    Raises:
        ValueError: If some images have a group and others have none.

    Example:
        >>> table = {'a/1': 'one', 'b/1': 'two', '2': 'one'}
        >>> groups_by_name(['x/a/1.jpg', 'x/2.jpg'], table, 'val')
        {'1': 'one', '2': 'one'}
        >>> groups_by_name(['a/1.jpg', 'b/1.jpg'], table, 'val')
        {'a/1.jpg': 'one', 'b/1.jpg': 'two'}
    """
    names = image_names(paths)
    groups = {}
    for name, path in zip(names, paths, strict=True):
        row = next((r for r in _rows(name, path) if r in table), None)
        if row is not None:
            groups[name] = table[row]
    if table:
        try:
            require_groups(names, groups)
        except ValueError as error:
            raise ValueError(f'{GROUPS_FILE} of {what}: {error}') from error
    return groups


def _rows(name: str, path: str) -> Iterator[str]:
    """What a row may call an image, with many folders first."""
    parts = Path(path).with_suffix('').parts
    for first in range(len(parts) - 1):
        yield Path(*parts[first:]).as_posix()
    yield name
