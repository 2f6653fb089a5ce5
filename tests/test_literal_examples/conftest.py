# Copyright (c) gps_seg contributors. Apache-2.0.
"""An empty folder in which an example runs, and what several of them need."""

from pathlib import Path

import pytest
from literal_examples import run_example
from own_photos import (  # noqa: F401  (fixtures)
    no_measurement,
    photos,
    small_encoder,
)

from gps_seg.stack import require_openmmlab

require_openmmlab()  # before a test imports MMPretrain


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs the example of a class or function in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return run_example


@pytest.fixture
def linked(run, photos):  # noqa: F811
    """The folders ``photos`` and ``outlines``, and an image, in this one."""
    Path('photos').symlink_to(photos.images)
    Path('outlines').symlink_to(photos.masks)
    image = min(photos.images.iterdir())
    for name in ('image.jpg', 'new.jpg'):
        Path(name).write_bytes(image.read_bytes())
