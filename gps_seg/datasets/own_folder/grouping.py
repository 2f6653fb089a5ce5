# Copyright (c) gps_seg contributors. Apache-2.0.
"""Groups of images that must not be divided, from their names or a table."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from gps_seg.datasets.conversion.pictures import SUFFIXES
from gps_seg.datasets.image_groups import read_group_table
from gps_seg.datasets.near_copies import BITS, MOST_BITS, near_sets
from gps_seg.datasets.progress import Progress

Grouping = re.Pattern[str] | Mapping[str, str] | None


def read_grouping(
    groups: str | Path | None,
) -> Grouping:
    """Read the table of groups, or check the pattern.

    Args:
        groups: None; path of a CSV file with the columns ``image,group``,
            which is any text that ends in ``.csv``; or a regular expression
            whose first group is the group of a name.

    Raises:
        FileNotFoundError: If there is no such table.
        ValueError: If the table is none or the pattern has no group.
    """
    if groups is None:
        return None
    if isinstance(groups, Path) or groups.lower().endswith('.csv'):
        path = Path(groups)
        if not path.is_file():
            raise FileNotFoundError(
                f'groups: expected a CSV file with the columns image,group, '
                f'found nothing at {path}. Check the path.'
            )
        table = read_group_table(path)
        return {_bare(image): group for image, group in table.items()}
    try:
        pattern = re.compile(groups)
    except re.error as error:
        raise ValueError(
            f'groups: expected a regular expression or a file that ends in '
            f'.csv, got {groups!r} ({error}).'
        ) from error
    if not pattern.groups:
        raise ValueError(
            f'groups: expected a regular expression with a group in brackets, '
            f'such as "(.+)_\\d+$" for frames of videos, got {groups!r}.'
        )
    return pattern


def group_names(
    names: Sequence[str],
    grouping: Grouping,
) -> tuple[dict[str, str], list[str]]:
    """The group of each image, and a line for each image without one.

    Args:
        names: Names of the images, without suffixes.
        grouping: Result of :func:`read_grouping`.
    """
    if grouping is None:
        return {}, []
    groups: dict[str, str] = {}
    problems = []
    for name in names:
        if isinstance(grouping, Mapping):
            group = grouping.get(name)
            remedy = 'is not in the table of groups'
        else:
            match = grouping.search(name)
            group = match[1] if match else None
            remedy = f'does not match the pattern {grouping.pattern!r}'
        if group:
            groups[name] = group
        else:
            problems.append(f'{name}: {remedy}')
    return groups, problems


def near_copies(
    names: Sequence[str],
    looks: np.ndarray,
    progress: Progress[Any] = iter,
) -> tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]:
    """Images that look alike, in sets, and a note on them if there are any.

    Args:
        names: Names of the images.
        looks: Their fingerprints, shape (images, 32).
        progress: Wrapper of the comparisons that shows a progress bar.
    """
    sets = near_sets(looks, progress=progress)
    found = tuple(tuple(names[i] for i in members) for members in sets)
    if not found:
        return (), ()
    number, most = sum(map(len, found)), max(map(len, found))
    note = (
        f'{number:,} images look like another (up to {MOST_BITS} of {BITS} '
        f'bits of their perceptual hashes differ), in {len(found):,} sets '
        f'of up to {most:,}, such as {", ".join(found[0][:3])}.'
    )
    return found, (note,)


def note_on_divided(
    copies: Sequence[Sequence[str]], groups: Mapping[str, str]
) -> list[str]:
    """A note if images of different groups look alike.

    Args:
        copies: Names of images that look alike, in sets.
        groups: Group of each image; empty without groups.
    """
    for names in copies if groups else ():
        first, *others = names
        for other in others:
            if groups[other] != groups[first]:
                return [
                    'Images of different groups look alike, such as '
                    f'{first} ({groups[first]}) and {other} '
                    f'({groups[other]}); groups count.'
                ]
    return []


def _bare(image: str) -> str:
    """The name of an image without the suffix of a picture."""
    path = PurePosixPath(image.replace('\\', '/'))
    return str(
        path.with_suffix('') if path.suffix.lower() in SUFFIXES else path
    )
