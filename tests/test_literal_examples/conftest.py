# Copyright (c) gps_seg contributors. Apache-2.0.
"""An empty folder in which an example runs, and what several of them need."""

import pytest
from literal_examples import run_example

from gps_seg.stack import require_openmmlab

require_openmmlab()  # before a test imports MMPretrain


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs the example of a class or function in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return run_example
