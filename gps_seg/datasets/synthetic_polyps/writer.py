# Copyright (c) gps_seg contributors. Apache-2.0.
"""Synthetic images on disk, in the layout of the converted real data.

A folder gets its name when it is complete, so a folder that exists can be
used as it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

import cv2

from gps_seg.datasets.synthetic_polyps.render import (
    Uint8Array,
    image_rng,
    render_polyp_image,
)
from gps_seg.files import new_folder, require_new_or_empty

JPEG_QUALITY = 95
RECIPE_FILE = 'recipe.json'


class Recipe(TypedDict):
    """Everything that determines the images of a data set."""

    domain: str
    split_sizes: dict[str, int]
    size: int
    seed: int


def ensure_dataset(
    folder: Path,
    *,
    domain: str,
    split_sizes: Mapping[str, int],
    size: int,
    seed: int,
) -> None:
    """Write a data set, unless the same one exists already.

    Args:
        folder: Folder of the data set; created if missing.
        domain: Key of ``DOMAINS``.
        split_sizes: Number of images of each split.
        size: Pixels along each side.
        seed: Seed of all images.

    Raises:
        ValueError: If an argument is out of range.
        FileExistsError: If the folder contains anything else.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as parent:
        ...     folder = Path(parent, 'dye')
        ...     recipe = dict(domain='dye', split_sizes={'val': 1}, size=32)
        ...     for _ in range(2):  # the second call draws nothing
        ...         ensure_dataset(folder, **recipe, seed=0)
        ...     [path.name for path in (folder / 'images').iterdir()]
        ['dye_00000.jpg']
    """
    recipe = _recipe(domain, split_sizes, size, seed)
    if _read_recipe(folder) == recipe:
        return
    write_dataset(
        folder, domain=domain, split_sizes=split_sizes, size=size, seed=seed
    )


def write_dataset(
    folder: Path,
    *,
    domain: str,
    split_sizes: Mapping[str, int],
    size: int,
    seed: int,
) -> None:
    """Write images, 0/1 masks and split lists of one domain.

    The files are ``images/<id>.jpg``, ``masks/<id>.png``,
    ``splits/<split>.txt`` and ``recipe.json``. No image is in two splits.

    Args:
        folder: New or empty folder.
        domain: Key of ``DOMAINS``.
        split_sizes: Number of images of each split.
        size: Pixels along each side.
        seed: Seed of all images.

    Raises:
        ValueError: If an argument is out of range.
        FileExistsError: If the folder is not empty.
        OSError: If the disk is full; no folder is left behind.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as parent:
        ...     folder = Path(parent, 'source')
        ...     write_dataset(
        ...         folder,
        ...         domain='source',
        ...         split_sizes={'train': 2, 'val': 1},
        ...         size=32,
        ...         seed=0,
        ...     )
        ...     (folder / 'splits/train.txt').read_text().split()
        ['source_00000', 'source_00001']
    """
    recipe = _recipe(domain, split_sizes, size, seed)
    require_new_or_empty(folder)
    with new_folder(folder) as partial:
        _write_all(partial, recipe)


def _recipe(
    domain: str, split_sizes: Mapping[str, int], size: int, seed: int
) -> Recipe:
    for split, number in split_sizes.items():
        if number < 1:
            raise ValueError(
                f'split_sizes: expected at least 1 image, got {number} '
                f'(split {split!r}). Leave out an empty split.'
            )
    return Recipe(
        domain=domain, split_sizes=dict(split_sizes), size=size, seed=seed
    )


def _read_recipe(folder: Path) -> object:
    path = folder / RECIPE_FILE
    return json.loads(path.read_text()) if path.is_file() else None


def _write_all(folder: Path, recipe: Recipe) -> None:
    for name in ('images', 'masks', 'splits'):
        (folder / name).mkdir()
    index = 0
    for split, number in recipe['split_sizes'].items():
        indices = range(index, index + number)
        names = [_write_pair(folder, recipe, i) for i in indices]
        lines = ''.join(f'{name}\n' for name in names)
        (folder / 'splits' / f'{split}.txt').write_text(lines)
        index += number
    (folder / RECIPE_FILE).write_text(json.dumps(recipe, indent=2) + '\n')


def _write_pair(folder: Path, recipe: Recipe, index: int) -> str:
    domain = recipe['domain']
    rng = image_rng(recipe['seed'], domain, index)
    image, mask = render_polyp_image(rng, domain, recipe['size'])
    name = f'{domain}_{index:05d}'
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    _write(folder / 'images' / f'{name}.jpg', bgr, quality)
    _write(folder / 'masks' / f'{name}.png', mask, [])
    return name


def _write(path: Path, pixels: Uint8Array, options: list[int]) -> None:
    # cv2.imwrite would return False when the disk is full, and cannot open
    # every path on Windows.
    _, data = cv2.imencode(path.suffix, pixels, options)
    path.write_bytes(data.tobytes())
