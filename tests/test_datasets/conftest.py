# Copyright (c) gps_seg contributors. Apache-2.0.
"""A small Kvasir-SEG, made up, in every layout that can be read."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from gps_seg.datasets.split_lists import SplitLists

TRAIN = ('cju_a', 'cju_b', 'cju_c')
VAL = ('cju_d',)
SIZE = (48, 64)  # height, width

Files = dict[str, bytes]


def jpeg(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format='JPEG', quality=90)
    return buffer.getvalue()


def disc(centre: tuple[int, int], radius: int) -> np.ndarray:
    """White disc on black, drawn by its definition."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    inside = (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < radius**2
    return (255 * inside).astype(np.uint8)


@pytest.fixture
def splits() -> SplitLists:
    """Splits of the made-up ids."""
    from gps_seg.datasets.split_lists import SplitLists

    return SplitLists({'train': TRAIN, 'val': VAL, 'tune_val': ('cju_b',)})


@pytest.fixture
def files() -> Files:
    """Four good pairs by name, to be spoiled by a test."""
    rng = np.random.default_rng(0)
    made = {}
    for index, id_ in enumerate(TRAIN + VAL):
        image = rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
        made[f'images/{id_}.jpg'] = jpeg(image)
        made[f'masks/{id_}.jpg'] = jpeg(disc((20 + index, 30), 9 + index))
    return made


@pytest.fixture
def write_zip(tmp_path: Path) -> Callable[..., Path]:
    """Write files into a zip archive, below a folder if one is given."""

    def write(files: Files, below: str = '') -> Path:
        path = tmp_path / 'source.zip'
        with zipfile.ZipFile(path, 'w') as archive:
            for name, content in files.items():
                archive.writestr(f'{below}{name}', content)
        return path

    return write


@pytest.fixture
def write_folder(tmp_path: Path) -> Callable[..., Path]:
    """Write files below a folder."""

    def write(files: Files, below: str = '') -> Path:
        root = tmp_path / 'source'
        for name, content in files.items():
            path = root / f'{below}{name}'
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return root

    return write
