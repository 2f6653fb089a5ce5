# Copyright (c) gps_seg contributors. Apache-2.0.
"""Fixtures: a few drawn polyps, and the config of the demo on them."""

from pathlib import Path

import pytest
from comparison_jobs import settings_for

from gps_seg.stack import require_openmmlab

require_openmmlab()

from mmengine.config import Config  # noqa: E402

from gps_seg.datasets.synthetic_polyps import ensure_dataset  # noqa: E402

REPO = Path(__file__).resolve().parents[2]
SIZES = {'train': 8, 'tune': 2, 'val': 4}


@pytest.fixture(scope='session')
def polyps(tmp_path_factory):
    folder = tmp_path_factory.mktemp('polyps') / 'target'
    ensure_dataset(
        folder, domain='target', split_sizes=SIZES, size=112, seed=0
    )
    return folder


@pytest.fixture
def settings(polyps):
    return settings_for(polyps)


@pytest.fixture
def demo_config(settings):
    config = Config.fromfile(REPO / 'configs/demo/gps.py')
    config.merge_from_dict(settings)
    return config
