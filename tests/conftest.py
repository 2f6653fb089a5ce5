# Copyright (c) gps_seg contributors. Apache-2.0.
"""Fixtures that every test may use.

Real images and weights are optional: they are looked for in a folder
``shared`` beside the repository, and a test that needs them skips, with the
path it missed, when they are not there.

What takes seconds to import is imported in the fixtures: pytest reads this
file, and those of the folders, before it starts its worker processes.
"""

import gc
import logging
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

REPO = Path(__file__).resolve().parents[1]
SHARED = REPO.parent / 'shared'

# A run under test must not depend on who else uses the machine's cores, and
# tests run tensors so small that more threads only cost.
torch.set_num_threads(1)
# A runner is part of a reference cycle, so the queues of its loader may be
# gone before its workers are asked to end: they would end five seconds later,
# at their next check.
torch.utils.data._utils.MP_STATUS_CHECK_INTERVAL = 0.5
# Without it Matplotlib would look for a display.
os.environ.setdefault('MPLBACKEND', 'Agg')


def pytest_collection_finish() -> None:
    """Take what was imported out of the garbage collector's rounds.

    MMEngine has it collect for every data set that is built, and to look
    through all modules takes a third of a second.
    """
    gc.collect()
    gc.freeze()


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
def clinicdb_archive() -> Path:
    """Zip archive of 296 frames of CVC-ClinicDB, 256 x 256."""
    return _optional(SHARED / 'data/cvc-clinicdb/cvc-clinicdb-256-part.zip')


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


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures that were saved, in order; none is rendered."""
    from gps_seg.visualization import figure as module

    saved = []

    def remember(figure: Any, path: Path, *options: object) -> None:
        saved.append(figure)
        path.write_bytes(b'')

    monkeypatch.setattr(module, 'write', remember)
    return saved


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let runs draw nothing: it takes longer than a short training."""
    from gps_seg.engine.reporting import report_hook, selection_report

    for module, name in (
        (selection_report, 'plot_selection'),
        (report_hook, 'plot_curves'),
        (report_hook, 'plot_overlays'),
    ):
        monkeypatch.setattr(module, name, lambda *arguments: None)


@pytest.fixture
def coarse_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw pictures with few pixels: those for print take seconds."""
    from gps_seg.visualization import figure

    write = figure.write
    monkeypatch.setattr(
        figure,
        'write',
        lambda drawn, path, suffix, dpi: write(drawn, path, suffix, dpi=30),
    )


class OneRunASecond:
    """MMEngine's clock, by which no two runs begin in the same second.

    It names a run by the second in which it begins; runs of one name share
    their logger and their scope, which MMEngine warns about.
    """

    last = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)

    def time(self) -> float:
        OneRunASecond.last = max(time.time(), OneRunASecond.last + 1)
        return OneRunASecond.last


@pytest.fixture(autouse=True)
def _runs_have_names_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    runner = sys.modules.get('mmengine.runner.runner')
    if runner is not None:
        monkeypatch.setattr(runner, 'time', OneRunASecond())


@pytest.fixture(scope='session', autouse=True)
def _each_config_is_formatted_once() -> Iterator[None]:
    """Remember what yapf made of a text, as it takes up to two seconds.

    A run asks MMEngine for the text of its config half a dozen times.
    """
    from yapf.yapflib import yapf_api

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yapf_api, 'FormatCode', remembered(yapf_api.FormatCode))
        yield


def remembered(function: Callable) -> Callable:
    """The function, which is pure, with a memory of its results."""
    results = {}

    def call(*args, **kwargs):
        key = repr((args, kwargs))
        if key not in results:
            results[key] = function(*args, **kwargs)
        return results[key]

    return call


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
