"""A small tuned segmentor to export."""

import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope
from small_segmentor import make_delta, write_config

from gps_seg.engine.task_model import build_tuned


@pytest.fixture(scope='module')
def config(tmp_path_factory):
    folder = tmp_path_factory.mktemp('small')
    config = Config.fromfile(write_config(folder))
    make_delta(config).save(folder / 'delta.safetensors')
    config.delta = str(folder / 'delta.safetensors')
    return config


@pytest.fixture(scope='module')
def segmentor(config):
    return build_tuned(config, config.delta)


@pytest.fixture(autouse=True)
def _scope():
    """Tests begin without one, and the segmentor was built before."""
    init_default_scope('mmseg')
