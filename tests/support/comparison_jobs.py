# Copyright (c) gps_seg contributors. Apache-2.0.
"""A comparison of two variants whose runs are only written, or are short."""

import json
from pathlib import Path

from comparison_records import record_of
from mmengine.config import Config

from gps_seg.runs.comparing.jobs import FAILED_FILE, Jobs
from gps_seg.runs.comparing.variants import Variant

REPO = Path(__file__).resolve().parents[2]
METHOD = 'custom_hooks.0.method'
VARIANTS = [
    Variant('a', {METHOD: dict(_delete_=True, type='bias')}),
    Variant('b c', {f'{METHOD}.k': 2}),
]


def config(lr=1.0):
    return Config(
        dict(
            custom_hooks=[dict(type='PeftHook', method=dict(type='gps', k=1))],
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=lr)),
        )
    )


def make(folder, **others):
    settings = dict(
        variants=VARIANTS,
        seeds=[4, 5],
        rates=[0.1, 10],
        tuning_seeds=[7],
        final=config(),
        tuning=config(),
        folder=folder,
    )
    return Jobs(**{**settings, **others})


def finish(job, dice=50.0, **others):
    job.folder.mkdir(parents=True, exist_ok=True)
    record_of(
        dice=[dice],
        variant=job.variant.name,
        seed=job.seed,
        rate=job.rate,
        digest=job.digest,
        **others,
    ).write(job.folder)


def fail(job):
    job.folder.mkdir(parents=True, exist_ok=True)
    (job.folder / FAILED_FILE).write_text(json.dumps({'error': 'no memory'}))


def settings_for(polyps):
    """Overrides by which the config of the demo trains two steps here."""
    loaders = ('train', 'val', 'test')
    return {
        **{f'{s}_dataloader.dataset.data_root': str(polyps) for s in loaders},
        **{f'{s}_dataloader.num_workers': 0 for s in loaders},
        **{f'{s}_dataloader.persistent_workers': False for s in loaders},
        'load_from': str(REPO / 'data/demo/vit-demo_source.safetensors'),
        'train_dataloader.batch_size': 4,
        'train_cfg.max_iters': 2,
        'train_cfg.val_interval': 1,
        'default_hooks.checkpoint.interval': 1,
    }
