# Copyright (c) gps_seg contributors. Apache-2.0.
"""Small trainings: the demo on drawn polyps, and a segmentor on 3 images."""

import pytest
import small_segmentor
from demo_tasks import draw_images
from drawn_polyps import demo_config, polyps, settings  # noqa: F401
from mmengine.config import Config

PART = """dict(
    batch_size=2,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='PolypDataset',
        data_root='{folder}',
        ann_file='test.txt',
        data_prefix=dict(img_path='images', seg_map_path='masks'),
        pipeline=test_pipeline,
    ),
)"""
TEXT = """
{model}
train_dataloader = {part}
val_dataloader = {part}
del test_dataloader
train_cfg = dict(type='IterBasedTrainLoop', max_iters=9)
val_cfg = dict()
val_evaluator = dict(type='DiceIoUMetric')
optim_wrapper = dict(
    type='PeftOptimWrapper', optimizer=dict(type='AdamW', lr=1e-3)
)
custom_hooks = [dict(type='PeftHook', method=dict(type='{method}'))]
randomness = dict(seed=7)
"""


@pytest.fixture(scope='session')
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp('images')
    draw_images(folder)
    return folder


@pytest.fixture
def training(images):
    """Function that makes the config of a training by a method."""

    def make(method):
        part = PART.format(folder=images)
        text = TEXT.format(
            model=small_segmentor.TEXT, part=part, method=method
        )
        return Config.fromstring(text, '.py')

    return make
