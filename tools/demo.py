# Copyright (c) gps_seg contributors. Apache-2.0.
"""See GPS at work in two minutes, without a download: python tools/demo.py.

A small ViT segmentor, pretrained by the project on drawn polyps under white
light, meets drawn polyps under narrow-band light. It is scored as it is, then
fine-tuned with each method on 96 of the new images.
"""

import argparse
from pathlib import Path

from mmengine.config import Config, DictAction

from gps_seg.datasets.synthetic_polyps import (
    DOMAINS,
    ensure_dataset,
    image_rng,
    render_polyp_image,
)
from gps_seg.runs import launch
from gps_seg.runs.side_by_side.quiet_runs import (
    Run,
    format_runs,
    plot_predictions,
    plot_runs,
    train_quietly,
    validate_quietly,
)
from gps_seg.visualization import Tile, plot_contact_sheet

REPO = Path(__file__).resolve().parents[1]
METHODS = ('linear', 'gps', 'full')
IMAGES_SHOWN = 6


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--work-dir', type=Path, default='work_dirs/demo')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='overrides of all configs: key=value ...',
    )
    return parser.parse_args()


def load(method: str, args: argparse.Namespace) -> Config:
    """Config of a method, with its data and results below the work dir."""
    path = REPO / 'configs' / 'demo' / f'{method}.py'
    work_dir = str(args.work_dir / method)
    config = launch.load_config(str(path), work_dir, args.cfg_options)
    config.load_from = str(REPO / config.load_from)
    config.data_root = str(args.work_dir / 'data' / 'target')
    for split in ('train', 'val', 'test'):
        config[f'{split}_dataloader'].dataset.data_root = config.data_root
    return config


def score_before(args: argparse.Namespace) -> Run:
    """The source model on the target domain."""
    config = load('gps', args)
    config.work_dir = str(args.work_dir / 'before')
    config.custom_hooks = [dict(type='StrictCheckpointHook')]
    config.default_hooks.checkpoint = None  # it asks for a training
    return validate_quietly('before', config)


def show_domains(config: Config, out_png: Path) -> Path:
    """A page with the first images of each domain."""
    size, seed = config.generator.size, config.generator.seed
    tiles = []
    for domain in DOMAINS:
        for index in range(IMAGES_SHOWN):
            rng = image_rng(seed, domain, index)
            image, mask = render_polyp_image(rng, domain, size)
            tiles.append(Tile(image, mask, f'{domain} {index}'))
    return plot_contact_sheet(
        tiles, out_png, heading='Drawn polyps: source and target domain'
    )


def summary(runs: dict[str, Run]) -> str:
    gps = runs['gps']
    return (
        f'\n{format_runs(list(runs.values()))}\n\n'
        f'GPS selected {gps.num_selected:,} connections, one per neuron '
        f'({gps.num_selected / gps.num_values:.2%} of all values).\n'
        f'With biases and head it trained {gps.num_trained:,} of '
        f'{gps.num_values:,} values; every other bit of the model is as '
        'before.'
    )


def main() -> None:
    args = parse_args()
    out: Path = args.work_dir
    config = load('gps', args)
    print(f'Drawing the images in {config.data_root} ...', flush=True)
    ensure_dataset(Path(config.data_root), **config.generator)
    pictures = [show_domains(config, out / 'domains.png')]
    print('Scoring the source model, then tuning it ...', flush=True)
    runs = {'before': score_before(args)}
    for method in METHODS:
        runs[method] = train_quietly(method, load(method, args))
    pictures += [
        plot_predictions(
            [runs[name] for name in ('before', 'linear', 'gps')],
            runs['gps'],
            out / 'predictions.png',
        ),
        plot_runs(list(runs.values()), out / 'comparison.png'),
    ]
    pictures += sorted((out / 'gps').glob('*.png'))
    print(summary(runs))
    print('\nPictures:', *pictures, sep='\n  ')


if __name__ == '__main__':
    main()
