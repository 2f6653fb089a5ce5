# Copyright (c) gps_seg contributors. Apache-2.0.
"""Truth and scores are those of the files and of MMEngine's validation."""

import cv2
import numpy as np
import pytest
import torch

from gps_seg.runs.launch import build_runner
from gps_seg.runs.scoring.images import ImagesToScore

RESIZED = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(56, 56)),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]


def test_truth_is_that_of_the_mask_files_in_their_size(demo_config, polyps):
    demo_config.val_dataloader.dataset.pipeline = RESIZED
    images = ImagesToScore(demo_config)
    names = (polyps / 'splits' / 'val.txt').read_text().split()
    assert images.names == names
    for name in names:
        file = polyps / 'masks' / f'{name}.png'
        mask = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
        truth = images.truth(name)
        assert truth.dtype == np.uint8
        assert np.array_equal(truth, mask), name
        assert images.path(name) == str(polyps / 'images' / f'{name}.jpg')


@pytest.mark.parametrize('fp16', [False, True])
def test_scores_are_those_of_a_validation_in_its_precision(
    demo_config, tmp_path, fp16
):
    demo_config.val_cfg.fp16 = fp16
    demo_config.work_dir = str(tmp_path)
    runner = build_runner(demo_config)
    expected = runner.val()
    dtypes = set()
    layer = next(
        module
        for module in runner.model.backbone.modules()
        if isinstance(module, torch.nn.Linear)
    )
    layer.register_forward_hook(lambda *call: dtypes.add(call[2].dtype))
    found = ImagesToScore(demo_config).score(runner.model)
    assert dtypes == {torch.bfloat16 if fp16 else torch.float32}
    for metric in ('Dice', 'IoU'):
        mean = expected[f'image_m{metric}']
        assert found.mean(metric) == pytest.approx(mean, abs=1e-4)
        assert found.pooled[f'm{metric}'] == pytest.approx(
            expected[f'm{metric}'], abs=1e-4
        )


#: Each gives other scores than a metric with its defaults.
METRICS = {
    'foreground': dict(type='DiceIoUMetric', foreground=['background']),
    'ignored': dict(type='DiceIoUMetric', ignore_index=0),
    'second': [
        dict(type='IoUMetric', prefix='mmseg'),
        dict(type='DiceIoUMetric', foreground=['background'], prefix='b'),
        dict(type='DiceIoUMetric', foreground=['background', 'polyp']),
    ],
}


@pytest.mark.parametrize('evaluator', METRICS.values(), ids=METRICS)
def test_scores_are_those_of_the_metric_of_the_config(
    demo_config, tmp_path, evaluator, request
):
    demo_config.val_evaluator = evaluator
    demo_config.work_dir = str(tmp_path)
    runner = build_runner(demo_config)
    expected = runner.val()
    images = ImagesToScore(demo_config)
    foreground = images.foreground
    found = images.score(runner.model)
    for metric in ('Dice', 'IoU'):
        mean = expected[f'image_m{metric}']
        assert found.mean(metric) == pytest.approx(mean, abs=1e-4)
        assert found.pooled[f'm{metric}'] == pytest.approx(
            expected[f'm{metric}'], abs=1e-4
        )
    demo_config.val_evaluator = dict(type='DiceIoUMetric')
    # The labels of background and polyp.
    scored = {'foreground': [0], 'ignored': [1], 'second': [0, 1]}
    assert foreground == scored[request.node.callspec.id]
    default = ImagesToScore(demo_config).score(runner.model)
    assert default.mean('Dice') != pytest.approx(found.mean('Dice'))


def test_pixels_that_the_metric_does_not_count_are_no_truth(
    demo_config, polyps
):
    demo_config.val_evaluator = [
        dict(type='DiceIoUMetric', ignore_index=1, foreground=['background'])
    ]
    images = ImagesToScore(demo_config)
    file = polyps / 'masks' / f'{images.names[0]}.png'
    mask = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
    expected = np.where(mask == 1, 255, mask)
    assert np.array_equal(images.truth(images.names[0]), expected)
    assert (expected == 255).any()
