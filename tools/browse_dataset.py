# Copyright (c) gps_seg contributors. Apache-2.0.
"""Draw images with their labels as a model gets to see them in training."""

import argparse
import random
import sys
from collections.abc import Sequence
from pathlib import Path

import mmcv
import numpy as np
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import DATASETS, init_default_scope
from mmengine.runner import set_random_seed
from rich.progress import track

import gps_seg.datasets  # noqa: F401  (registers the data sets)
from gps_seg.datasets.ignored_label import ignored_label, with_unknown
from gps_seg.runs.launch import load_config
from gps_seg.visualization import ClassColours, Tile, plot_contact_sheet


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'config', help='any config with data loaders; package::path too'
    )
    parser.add_argument(
        '--split', choices=('train', 'val', 'test'), default='train'
    )
    parser.add_argument('--number', type=_positive, default=24)
    parser.add_argument('--out', type=Path, default=Path('contact_sheet.png'))
    parser.add_argument(
        '--seed',
        type=int,
        default=0,
        help='of the choice of images and of their augmentation',
    )
    return parser.parse_args()


def _positive(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f'expected at least 1, got {text}')
    return int(text)


def build_dataset(config: Config, split: str) -> BaseDataset:
    """Build the data set of a split with the pipeline of the config."""
    loader = config.get(f'{split}_dataloader')
    if loader is None:
        raise ValueError(
            f'{split}_dataloader: expected one in the config, got none. '
            'Take another --split.'
        )
    init_default_scope(config.get('default_scope', 'mmseg'))
    return DATASETS.build(loader.dataset)


def make_tile(sample: dict, names: Sequence[str], ignored: int) -> Tile:
    """Turn one output of a pipeline into a picture."""
    data_sample = sample['data_samples']
    image = np.ascontiguousarray(sample['inputs'].numpy().transpose(1, 2, 0))
    title = Path(data_sample.img_path).stem
    if 'gt_label' in data_sample:
        label = int(data_sample.gt_label)
        name = names[label] if names else f'class {label}'
        return Tile(mmcv.bgr2rgb(image), None, f'{title}\n{name}')
    labels = data_sample.gt_sem_seg.data[0].numpy()
    # Test pipelines keep the labels at the size of the file.
    height, width = labels.shape
    rgb = mmcv.bgr2rgb(mmcv.imresize(image, (width, height)))
    return Tile(rgb, with_unknown(labels, ignored), title)


def main() -> None:
    args = parse_args()
    try:
        config = load_config(args.config)
        dataset = build_dataset(config, args.split)
        ignored = ignored_label(config.get('model'))
        names = dataset.metainfo.get('classes') or ()
        set_random_seed(args.seed)
        number = min(args.number, len(dataset))
        indices = sorted(random.sample(range(len(dataset)), number))
        tiles = [
            make_tile(dataset[i], names, ignored)
            for i in track(indices, 'Loading images')
        ]
        heading = (
            f'{args.split} split: {number} of {len(dataset)} images after the '
            f'pipeline of {Path(args.config).name}, seed {args.seed}'
        )
        path = plot_contact_sheet(
            tiles,
            args.out,
            heading=heading,
            classes=ClassColours.from_metainfo(dataset.metainfo),
            foreground=names[1] if len(names) > 1 else 'foreground',
        )
    except (OSError, ValueError) as err:
        sys.exit(f'{type(err).__name__}: {err}')
    print(f'Written to {path}')


if __name__ == '__main__':
    main()
