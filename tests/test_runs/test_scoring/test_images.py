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
