"""A small tuned segmentor to export."""

import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope

from gps_seg.stack import require_openmmlab

require_openmmlab()  # before a test imports MMSegmentation


@pytest.fixture(scope='module')
def config(tmp_path_factory):
    from small_segmentor import write_task

    folder = tmp_path_factory.mktemp('small')
    config = Config.fromfile(write_task(folder))
    config.delta = str(folder / 'delta.safetensors')
    return config


@pytest.fixture(scope='module')
def segmentor(config):
    from gps_seg.engine.testing.task_model import build_tuned

    return build_tuned(config, config.delta)


@pytest.fixture(autouse=True)
def _scope():
    """Tests begin without one, and the segmentor was built before."""
    init_default_scope('mmseg')
