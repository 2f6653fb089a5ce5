# Copyright (c) gps_seg contributors. Apache-2.0.
"""Fixtures for tests of runs: a small task, and no pictures.

Drawing the selection takes longer than the rest of a run of the toy model, so
only the tests of the drawing do it.
"""

import shutil

import pytest
from mmengine.config import Config

from gps_seg.stack import require_openmmlab

require_openmmlab()  # before a test imports MMPretrain


@pytest.fixture(autouse=True)
def _no_picture(request, monkeypatch):
    if 'with_picture' not in request.fixturenames:
        from gps_seg.engine.reporting import selection_report

        monkeypatch.setattr(
            selection_report, 'plot_selection', lambda *_: None
        )


@pytest.fixture
def with_picture():
    """Runs draw their selection, as they do outside the tests."""


@pytest.fixture(scope='session')
def task(tmp_path_factory):
    """Folder with a config, the pretrained weights and a delta."""
    from small_segmentor import write_task

    folder = tmp_path_factory.mktemp('task')
    write_task(folder)
    return folder


@pytest.fixture
def config(task):
    """Config of the small segmentor; a test may change it."""
    return Config.fromfile(task / 'small.py')


@pytest.fixture
def delta_file(task, tmp_path):
    """A copy of the task's delta; a test may damage it."""
    return shutil.copy(
        task / 'delta.safetensors', tmp_path / 'delta.safetensors'
    )
