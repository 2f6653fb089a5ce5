# Copyright (c) gps_seg contributors. Apache-2.0.
"""The hospitals of the demo: their configs and their images."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mmengine.config import Config

from gps_seg.datasets.synthetic_polyps import (
    ensure_dataset,
    image_rng,
    render_polyp_image,
)
from gps_seg.runs.launch import load_config
from gps_seg.visualization import Tile, plot_contact_sheet

IMAGES_SHOWN = 6


class Hospital(NamedTuple):
    """A hospital of the demo.

    Args:
        name: Name in tables and pictures.
        light: Light under which its images are taken.
        config: Name of the config in ``configs/demo`` that has its images.
    """

    name: str
    light: str
    config: str


SOURCE = Hospital('source', 'white light', 'source')
A = Hospital('A', 'narrow-band light', 'gps')
B = Hospital('B', 'violet dye', 'gps_dye')
HOSPITALS = (SOURCE, A, B)


class Place(NamedTuple):
    """Folders that the demo reads and writes.

    Args:
        root: Folder with ``configs/demo`` and ``data/demo``.
        work_dir: Folder for the images and the results.
        overrides: Overrides for all configs, each ``KEY=VALUE``.
    """

    root: Path
    work_dir: Path
    overrides: Sequence[str] | None = None

    def config(self, name: str) -> Config:
        """Load a config of the demo, with folders in the work directory."""
        path = self.root / 'configs' / 'demo' / f'{name}.py'
        work_dir = str(self.work_dir / name)
        config = load_config(str(path), work_dir, self.overrides)
        config.load_from = str(self.root / config.load_from)
        folder = self.work_dir / 'data' / Path(config.data_root).name
        config.data_root = str(folder)
        for split in ('train', 'val', 'test'):
            config[f'{split}_dataloader'].dataset.data_root = str(folder)
        return config


def draw_images(place: Place) -> None:
    """Draw the images of each hospital, unless they exist.

    Raises:
        FileExistsError: If a folder of images contains something else.
    """
    for hospital in HOSPITALS:
        config = place.config(hospital.config)
        ensure_dataset(Path(config.data_root), **config.generator)


def plot_hospitals(place: Place, out: Path) -> Path:
    """Draw a page with one row of images per hospital."""
    tiles = []
    for hospital in HOSPITALS:
        recipe = place.config(hospital.config).generator
        title = f'{hospital.name}, {hospital.light}'
        for index in range(IMAGES_SHOWN):
            rng = image_rng(recipe.seed, recipe.domain, index)
            image, mask = render_polyp_image(rng, recipe.domain, recipe.size)
            tiles.append(Tile(image, mask, title))
    return plot_contact_sheet(
        tiles,
        out,
        heading='Drawn polyps: the source and two other hospitals',
        num_columns=IMAGES_SHOWN,
    )
