# Copyright (c) gps_seg contributors. Apache-2.0.
"""A contact sheet of images and labels after a config's pipeline."""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import mmcv
import numpy as np
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import DATASETS, init_default_scope
from mmengine.runner import set_random_seed
from rich.progress import track

from gps_seg.datasets.ignored_label import ignored_label, with_unknown
from gps_seg.visualization import ClassColours, Tile, plot_contact_sheet


def draw_split(
    config: Config, split: str, number: int, seed: int, out: Path
) -> Path:
    """Draw random images of a split, with their labels.

    Args:
        config: Config with data loaders.
        split: ``'train'``, ``'val'`` or ``'test'``.
        number: Number of images; if the split has fewer, all are drawn.
        seed: Seed for the choice of images and for their augmentation.
        out: Picture to write; replaced if it exists.

    Returns:
        Path of the picture.

    Raises:
        FileNotFoundError: If data are missing.
        ValueError: If the config has no data loader for the split, or its
            data cannot be used.
    """
    dataset = build_dataset(config, split)
    ignored = ignored_label(config.get('model'))
    names = dataset.metainfo.get('classes') or ()
    set_random_seed(seed)
    number = min(number, len(dataset))
    indices = sorted(random.sample(range(len(dataset)), number))
    tiles = [
        make_tile(dataset[i], names, ignored)
        for i in track(indices, 'Loading images')
    ]
    heading = (
        f'{split} split: {number} of {len(dataset)} images after the '
        f'pipeline of {Path(config.filename).name}, seed {seed}'
    )
    return plot_contact_sheet(
        tiles,
        out,
        heading=heading,
        classes=ClassColours.from_metainfo(dataset.metainfo),
        foreground=names[1] if len(names) > 1 else 'foreground',
    )


def build_dataset(config: Config, split: str) -> BaseDataset:
    """The data set of a split, with the pipeline of the config.

    Args:
        config: Config with data loaders.
        split: ``'train'``, ``'val'`` or ``'test'``.

    Raises:
        ValueError: If the config has no data loader for the split.
    """
    loader = config.get(f'{split}_dataloader')
    if loader is None:
        raise ValueError(
            f'{split}_dataloader: expected a data loader in the config, got '
            'none. Choose another --split.'
        )
    init_default_scope(config.get('default_scope', 'mmseg'))
    return DATASETS.build(loader.dataset)


def make_tile(
    sample: Mapping[str, Any], names: Sequence[str], ignored: int
) -> Tile:
    """Make the tile of a sample for a contact sheet.

    Args:
        sample: Output of a pipeline: ``inputs`` of shape (3, H, W), BGR, and
            ``data_samples``.
        names: Names of the classes; may be empty.
        ignored: Label that the loss ignores.
    """
    data_sample = sample['data_samples']
    image = np.ascontiguousarray(sample['inputs'].numpy().transpose(1, 2, 0))
    title = Path(data_sample.img_path).stem
    if 'gt_label' in data_sample:
        label = int(data_sample.gt_label)
        name = names[label] if names else f'class {label}'
        return Tile(mmcv.bgr2rgb(image), None, f'{title}\n{name}')
    labels = data_sample.gt_sem_seg.data[0].numpy()
    # Test pipelines do not resize the labels.
    height, width = labels.shape
    rgb = mmcv.bgr2rgb(mmcv.imresize(image, (width, height)))
    return Tile(rgb, with_unknown(labels, ignored), title)
