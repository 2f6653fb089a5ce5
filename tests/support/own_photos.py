# Copyright (c) gps_seg contributors. Apache-2.0.
"""A folder of drawn polyps, and an encoder that trains on it in seconds."""

from types import SimpleNamespace

import numpy as np
import pytest


@pytest.fixture(scope='session')
def photos(tmp_path_factory):
    """Images and masks as people have them: no lists, masks of 0 and 255."""
    import cv2

    from gps_seg.datasets.synthetic_polyps import ensure_dataset

    drawn = tmp_path_factory.mktemp('drawn') / 'target'
    sizes = {'train': 12}
    ensure_dataset(drawn, domain='target', split_sizes=sizes, size=64, seed=0)
    outlines = tmp_path_factory.mktemp('outlines')
    for path in (drawn / 'masks').iterdir():
        mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        cv2.imwrite(str(outlines / path.name), mask * np.uint8(255))
    return SimpleNamespace(images=drawn / 'images', masks=outlines)


@pytest.fixture
def small_encoder(monkeypatch):
    """Let ``find_encoder`` return a random ViT of two layers."""
    from gps_seg.models.encoders import Encoder
    from gps_seg.runs.own_folder import starting

    encoder = Encoder(
        name='small',
        title='A small ViT',
        backbone=dict(
            type='mmpretrain.VisionTransformer',
            arch=dict(
                embed_dims=16,
                num_layers=2,
                num_heads=2,
                feedforward_channels=32,
            ),
            patch_size=8,
            out_type='featmap',
            out_indices=(0, 1),
        ),
        channels=(16, 16),
        patch=8,
        one_size=True,
        mean=(120.0, 110.0, 100.0),
        std=(60.0, 50.0, 40.0),
        weights='',
        licence=None,
    )
    monkeypatch.setattr(starting, 'find_encoder', lambda name: encoder)
    return encoder


@pytest.fixture
def no_measurement(monkeypatch):
    """Measuring takes a process of its own, which imports everything."""
    from gps_seg.runs.own_folder import starting
    from gps_seg.runs.own_folder.expectation import Expectation

    known = Expectation(seconds=75.0, peak_bytes=3 * 2**20)
    monkeypatch.setattr(starting, 'measure', lambda *_: known)
    return known
