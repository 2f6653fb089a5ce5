# Copyright (c) gps_seg contributors. Apache-2.0.
"""Images that the page offers, with their masks where there are any."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config
from mmengine.dataset import BaseDataset

from gps_seg.runs.browsing import build_dataset

MOST_EXAMPLES = 12
_SUFFIXES = ('.bmp', '.jpeg', '.jpg', '.png', '.tif', '.tiff', '.webp')


class Example(NamedTuple):
    """An image, and its mask if there is one.

    Args:
        image: File of the image.
        mask: File of the mask.
    """

    image: Path
    mask: Path | None


class Examples:
    """The images that the page offers.

    Args:
        examples: Images and their masks.
    """

    def __init__(self, examples: Iterable[Example] = ()) -> None:
        self.all = list(examples)[:MOST_EXAMPLES]
        self._masks = {digest_of(e.image): e.mask for e in self.all}

    def mask_of(self, path: str | os.PathLike[str]) -> Path | None:
        """The mask of an image with the same content as an example.

        Args:
            path: File of the image; the page has copies of the examples.
        """
        return self._masks.get(digest_of(path))


def examples_in(folder: str | os.PathLike[str]) -> Examples:
    """The first images of a folder, in the order of their names.

    Masks are in ``masks`` beside the folder ``images``, and have the same
    names up to the suffix.

    Args:
        folder: Folder with images, or with ``images`` and ``masks``.

    Raises:
        NotADirectoryError: If there is no such folder.
        ValueError: If there is no image in it.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     _ = Path(folder, 'a.png').write_bytes(b'')
        ...     [each.image.name for each in examples_in(folder).all]
        ['a.png']
    """
    root = Path(folder)
    if not root.is_dir():
        raise NotADirectoryError(
            f'--examples: expected a folder, got none at {root}. Check the '
            'path.'
        )
    images = _images(root / 'images') or _images(root)
    if not images:
        raise ValueError(
            f'--examples: expected images in {root} or {root / "images"}, '
            'got none. Name a folder with PNG or JPEG files.'
        )
    masks = {path.stem: path for path in _images(root / 'masks')}
    return Examples(Example(i, masks.get(i.stem)) for i in images)


def examples_of(config: Config) -> Examples:
    """The first validation images of a config; none if they are missing.

    Args:
        config: Config of the base.
    """
    try:
        dataset = build_dataset(_without_pipeline(config), 'val')
        return Examples(_of_samples(_infos(dataset)))
    # The config of a published delta may name data that are not here, or only
    # some facts of them.
    except (AttributeError, KeyError, OSError, TypeError, ValueError):
        return Examples()


def digest_of(path: str | os.PathLike[str]) -> bytes:
    """SHA-256 of the content of a file."""
    return hashlib.sha256(Path(path).read_bytes()).digest()


def _without_pipeline(config: Config) -> Config:
    loader = dict(config.val_dataloader)
    dataset = {**loader['dataset'], 'pipeline': []}
    return Config(
        {
            'default_scope': config.get('default_scope', 'mmseg'),
            'val_dataloader': {'dataset': dataset},
        }
    )


def _infos(dataset: BaseDataset) -> list[dict[str, Any]]:
    number = min(len(dataset), MOST_EXAMPLES)
    return [dataset.get_data_info(index) for index in range(number)]


def _of_samples(infos: Sequence[dict[str, Any]]) -> list[Example]:
    return [
        Example(Path(info['img_path']), _mask_of(info))
        for info in infos
        if Path(info['img_path']).is_file()
    ]


def _mask_of(info: dict[str, Any]) -> Path | None:
    path = info.get('seg_map_path')
    return Path(path) if path and Path(path).is_file() else None


def _images(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_file() and path.suffix.lower() in _SUFFIXES
    )
