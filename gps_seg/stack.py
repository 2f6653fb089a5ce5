# Copyright (c) gps_seg contributors. Apache-2.0.
"""The check and the small repairs that stand between us and OpenMMLab.

Two families of packages carry the same import names: the maintained OneDL
continuation and the upstream OpenMMLab originals. Either will do, so neither
is a hard dependency, and pip cannot see the two ways this goes wrong: no
family installed, or both (the later install then silently overwrites the
earlier, and uninstalling one breaks the other). Hence the check.

This module imports the standard library alone, so that the check can speak
before anything else fails.
"""

import contextlib
import functools
import importlib.abc
import importlib.machinery
import importlib.metadata
import importlib.util
import io
import os
import pathlib
import re
import sys
import warnings
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

IMPORT_NAMES = ('mmengine', 'mmcv', 'mmseg', 'mmpretrain')
OPENMMLAB_DISTS = (
    'mmengine',
    'mmengine-lite',
    'mmcv',
    'mmcv-lite',
    'mmsegmentation',
    'mmpretrain',
)
ONEDL_DISTS = (
    'onedl-mmengine',
    'onedl-mmcv',
    'onedl-mmsegmentation',
    'onedl-mmpretrain',
)
# What is said at each start, and who prints it.
_NOISY = ('mmpretrain.datasets', 'mmseg.datasets', 'mmseg.datasets.transforms')
_MISSING_PLATFORM = 'Could not import OneDL'
_MISSING_OPERATOR = 'Fail to import ``MultiScaleDeformableAttention``'
# Operators for which torchvision registers fake kernels when it is imported,
# whether or not its compiled library, which declares them, could be loaded.
TORCHVISION_SCHEMAS = (
    'nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor',
    'qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor',
)


@functools.cache
def require_openmmlab() -> None:
    """Make sure that one OpenMMLab family is there and ready to import.

    Every package of ours that stands on MMSegmentation calls this first, so
    worker processes are covered too. Calls after the first cost nothing.

    Raises:
        ImportError: If one of ``IMPORT_NAMES`` is not installed,
            or if packages of both families are.
    """
    _check_installed()
    _check_not_mixed()
    _let_torchvision_import_beside_cpu_torch()
    _let_checkpoints_load_without_pickle()
    # Albumentations asks the network for its newest version on import.
    os.environ.setdefault('NO_ALBUMENTATIONS_UPDATE', '1')
    _silence_known_noise()


def _check_installed() -> None:
    missing = [
        name for name in IMPORT_NAMES if not importlib.util.find_spec(name)
    ]
    if missing:
        raise ImportError(
            f'OpenMMLab: expected {", ".join(IMPORT_NAMES)} to be installed, '
            f"got no {' and no '.join(missing)}. Run pip install 'gps-seg"
            "[onedl]' (maintained, no compiler needed) or pip install "
            "'gps-seg[openmmlab]' (upstream, compiles mmcv)."
        )


def _check_not_mixed() -> None:
    onedl = [name for name in ONEDL_DISTS if _is_installed(name)]
    upstream = [name for name in OPENMMLAB_DISTS if _is_installed(name)]
    if onedl and upstream:
        raise ImportError(
            'OpenMMLab: expected packages of one family, got '
            f'{", ".join(onedl)} together with {", ".join(upstream)}, which '
            'overwrite each other. Run pip uninstall -y '
            f'{" ".join(onedl + upstream)}, then pip install '
            "'gps-seg[onedl]'."
        )


def _is_installed(dist_name: str) -> bool:
    try:
        importlib.metadata.distribution(dist_name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _let_torchvision_import_beside_cpu_torch() -> None:
    """Arrange that the first ``import torchvision`` finds its operators."""
    if 'torchvision' not in sys.modules:
        sys.meta_path.insert(0, _TorchvisionWatcher())


class _TorchvisionWatcher(importlib.abc.MetaPathFinder):
    """Declare torchvision's operators just before it is first imported.

    The CUDA wheel of torchvision (the one on PyPI) cannot load its compiled
    library beside a CPU build of torch, and then dies on the first operator
    that nobody declared. MMPretrain imports torchvision only for transforms,
    which need none of them. A finder, so that neither torch nor torchvision
    is imported for the sake of a user who needs neither.
    """

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> None:
        """Find nothing; the finders behind this one find torchvision."""
        if fullname != 'torchvision':
            return
        sys.meta_path.remove(self)
        if _is_cuda_torchvision() and not _torch_has_cuda():
            _declare_torchvision_operators()


def _is_cuda_torchvision() -> bool:
    """Read the build from the file, as importing it is what would fail."""
    spec = importlib.machinery.PathFinder.find_spec('torchvision')
    if spec is None or spec.origin is None:
        return False
    version_file = pathlib.Path(spec.origin).with_name('version.py')
    if not version_file.is_file():
        return False
    text = version_file.read_text(encoding='utf-8')
    return re.search(r"__version__ = '[^']+\+cu\d+'", text) is not None


def _torch_has_cuda() -> bool:
    import torch

    return torch.version.cuda is not None


@functools.cache
def _declare_torchvision_operators() -> object:
    """Return the library, which the cache keeps alive with its schemas."""
    import torch

    library = torch.library.Library('torchvision', 'FRAGMENT')
    for schema in TORCHVISION_SCHEMAS:
        library.define(schema)
    return library


def _silence_known_noise() -> None:
    """Drop what OpenMMLab says at each start and nobody here can use.

    MMCV warns of an operator that its build without compiled code lacks, and
    some packages print that data sets of the OneDL platform are missing.
    """
    warnings.filterwarnings('ignore', message=_MISSING_OPERATOR)
    # One of two would look for the other's answer, and that for its own.
    if not any(isinstance(each, _NoiseWatcher) for each in sys.meta_path):
        sys.meta_path.insert(0, _NoiseWatcher())


class _NoiseWatcher(importlib.abc.MetaPathFinder):
    """Drop one line from what some modules print when they are imported.

    A finder, so that nothing is imported before it is needed.
    """

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        """Find such a module as the other finders do."""
        if fullname not in _NOISY:
            return None
        others = [finder for finder in sys.meta_path if finder is not self]
        specs = (finder.find_spec(fullname, path, target) for finder in others)
        spec = next((spec for spec in specs if spec is not None), None)
        if spec is not None and spec.loader is not None:
            loader: Any = spec.loader
            loader.exec_module = _without_noise(loader.exec_module)
        return spec


def _without_noise(
    exec_module: Callable[[ModuleType], None],
) -> Callable[[ModuleType], None]:
    def quiet_exec_module(module: ModuleType) -> None:
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                exec_module(module)
        finally:
            for line in printed.getvalue().splitlines(keepends=True):
                if line.strip() != _MISSING_PLATFORM:
                    sys.stdout.write(line)

    return quiet_exec_module


def _let_checkpoints_load_without_pickle() -> None:
    """Allow the one NumPy type that MMEngine's list of safe types lacks.

    The message hub in a Runner checkpoint holds float32 metrics. Without
    this, onedl-mmengine gives up the safe loader and falls back to the one
    that can execute code from the file.
    """
    import numpy as np
    import torch

    torch.serialization.add_safe_globals([type(np.dtype('float32'))])
