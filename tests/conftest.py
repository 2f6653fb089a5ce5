# Copyright (c) gps_seg contributors. Apache-2.0.
"""Fixtures that every test may use.

Real images and weights are optional: they are looked for in a folder
``shared`` beside the repository, and a test that needs them skips, with the
path it missed, when they are not there.
"""

import logging
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

REPO = Path(__file__).resolve().parents[1]
SHARED = REPO.parent / 'shared'

# A run under test must not depend on who else uses the machine's cores, and
# tests run tensors so small that more threads only cost.
torch.set_num_threads(1)
# Without it Matplotlib would look for a display.
os.environ.setdefault('MPLBACKEND', 'Agg')


def _optional(path: Path) -> Path:
    if not path.exists():
        pytest.skip(f'optional test data is not there: {path}')
    return path


@pytest.fixture(scope='session')
def repo_dir() -> Path:
    """Root of the source tree: the folder that holds ``configs``."""
    return REPO


@pytest.fixture(scope='session')
def shared_dir() -> Path:
    """Folder with the optional data and weights."""
    return _optional(SHARED)


@pytest.fixture(scope='session')
def kvasir_archive() -> Path:
    """Zip archive of Kvasir-SEG: 1000 real images, longer side 352."""
    return _optional(SHARED / 'data/kvasir-seg/kvasir-seg-352.zip')


@pytest.fixture(scope='session')
def vit_s14_weights() -> Path:
    """Real DINOv2-style ViT-S/14 weights in timm's names, float16."""
    folder = SHARED / 'weights/vit-small-p14-dinov2-saliency'
    return _optional(folder / 'vit_small_patch14_imgfocus_fp16.safetensors')


@pytest.fixture(autouse=True)
def seed() -> int:
    """Seed every generator before each test, so that order is no matter."""
    value = 0
    random.seed(value)
    np.random.seed(value)
    torch.manual_seed(value)
    return value


@pytest.fixture(autouse=True)
def _fresh_mmengine() -> Iterator[None]:
    """Forget MMEngine's named singletons after each test.

    A Runner registers its scope, logger, message hub and visualizer under
    its experiment's name, and the next Runner of that name would take them
    over, iteration counters included. Tests that never imported MMEngine
    pay nothing.
    """
    yield
    if 'mmengine' not in sys.modules:
        return
    _close_log_files()
    for cls in _mmengine_singletons():
        cls._instance_dict.clear()


def _mmengine_singletons() -> list[type]:
    from mmengine.logging import MessageHub, MMLogger
    from mmengine.registry import DefaultScope
    from mmengine.visualization import Visualizer

    subclasses = _all_subclasses(Visualizer)
    return [MessageHub, MMLogger, DefaultScope, Visualizer, *subclasses]


def _all_subclasses(cls: type) -> list[type]:
    direct = cls.__subclasses__()
    return direct + [sub for d in direct for sub in _all_subclasses(d)]


def _close_log_files() -> None:
    """Close the file handlers, lest temporary folders cannot be removed."""
    from mmengine.logging import MMLogger

    for logger in MMLogger._instance_dict.values():
        for handler in list(logger.handlers):
            if isinstance(handler, logging.FileHandler):
                logger.removeHandler(handler)
                handler.close()
