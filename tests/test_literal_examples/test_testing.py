# Copyright (c) gps_seg contributors. Apache-2.0.
"""Hooks of a test, each in a test of the demo on four images."""

from pathlib import Path

import pytest
import torch
from demo_tasks import HEAD, INFO, assert_same_bits, read_base, tune
from drawn_polyps import demo_config, polyps, settings  # noqa: F401
from fragments import runner_of

from gps_seg.delta import extract
from gps_seg.engine import (
    AugmentedTestHook,
    DrawingHook,
    PredictionHook,
    StrictCheckpointHook,
    TaskHook,
    set_tta,
)

FLIPS = [dict(type='RandomFlip', prob=p) for p in (0.0, 1.0)]
TTA = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            FLIPS,
            [dict(type='LoadAnnotations')],
            [dict(type='PackSegInputs')],
        ],
    ),
]


@pytest.fixture
def config(demo_config):  # noqa: F811
    demo_config.work_dir = 'run'
    demo_config.test_dataloader.batch_size = 2
    return demo_config


def suffixes(folder):
    return [path.suffix for path in Path(folder).iterdir()]


def test_drawing_hook(run, config):
    runner_of(config, run(DrawingHook)).test()
    assert suffixes('drawings') == ['.png'] * 4


def test_prediction_hook(run, config):
    runner_of(config, run(PredictionHook)).test()
    assert suffixes('predictions') == ['.png'] * 4


def test_strict_checkpoint_hook(run, config):
    torch.save({'backbone.cls_token': torch.zeros(1, 1, 64)}, 'part.pth')
    config.load_from = 'part.pth'
    config.custom_hooks = []  # a PeftHook refuses it, too
    runner = runner_of(config, run(StrictCheckpointHook))
    with pytest.raises(ValueError, match='expected the .* tensors of this'):
        runner.test()


def test_task_hook(run, config):
    base = read_base()
    tuned = tune(base, seed=0)
    encoder = {n: t for n, t in base.items() if not n.startswith(HEAD)}
    extract(encoder, tuned, INFO).save('delta.safetensors')
    runner = runner_of(config, run(TaskHook))
    runner.test()
    assert_same_bits(runner.model.state_dict(), tuned)


# MMSegmentation's wrapper gives (height, width), and is told so.
@pytest.mark.filterwarnings('ignore:The shape of value will convert')
def test_augmented_test_hook(run, config):
    config.test_dataloader.dataset.pipeline = TTA
    scores = runner_of(config, run(AugmentedTestHook)).test()
    assert 0 < scores['image_mDice'] < 100


@pytest.mark.filterwarnings('ignore:The shape of value will convert')
def test_set_tta(run, config, capsys):
    config.tta_pipeline = TTA
    config.dump('config.py')
    config = run(set_tta)['config']
    assert config.custom_hooks[-1].type == 'AugmentedTestHook'
    assert 'image_mDice: ' in capsys.readouterr().out
