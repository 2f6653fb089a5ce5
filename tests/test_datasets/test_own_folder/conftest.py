# Copyright (c) gps_seg contributors. Apache-2.0.
"""Folders of images and masks, drawn by their definition."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

HEIGHT, WIDTH = 48, 64
NUMBER = 6


def draw_labels(index: int, classes: int) -> np.ndarray:
    """Map of labels: background 0, and a rectangle for each other class.

    The rectangles stand in a grid of cells of 12 x 16 pixels and are 8 to 10
    pixels high and wide.
    """
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    for label in range(1, classes):
        row, column = divmod((label + index) % 16, 4)
        top, left = 12 * row + 1, 16 * column + 2
        size = 8 + index % 3
        labels[top : top + size, left : left + size] = label
    return labels


class Folder:
    """Two folders to write pictures into."""

    draw = staticmethod(draw_labels)

    def __init__(self, root: Path) -> None:
        self.images, self.masks = root / 'images', root / 'masks'
        self.images.mkdir(parents=True)
        self.masks.mkdir()
        self._rng = np.random.default_rng(0)

    def image(
        self, name: str, size: tuple[int, int] = (HEIGHT, WIDTH)
    ) -> None:
        """Write an image of noise."""
        pixels = self._rng.integers(0, 256, (*size, 3), dtype=np.uint8)
        self._save(Image.fromarray(pixels), self.images / name)

    def mask(self, name: str, pixels: np.ndarray | Image.Image) -> None:
        """Write a mask."""
        if not isinstance(pixels, Image.Image):
            pixels = Image.fromarray(pixels)
        self._save(pixels, self.masks / name)

    def fill(
        self,
        encode: Callable[[np.ndarray], np.ndarray | Image.Image],
        classes: int,
        suffix: str = '.png',
    ) -> list[np.ndarray]:
        """Write ``NUMBER`` pairs; return their labels."""
        drawn = [draw_labels(index, classes) for index in range(NUMBER)]
        for index, labels in enumerate(drawn):
            self.image(f'{index}.png')
            self.mask(f'{index}{suffix}', encode(labels))
        return drawn

    @staticmethod
    def _save(picture: Image.Image, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path, quality=90)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Two empty folders."""
    return Folder(tmp_path / 'own')
