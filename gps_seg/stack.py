# Copyright (c) gps_seg contributors. Apache-2.0.
"""Check that OpenMMLab is installed, and work around its import problems.

Two families of packages have the same import names: the maintained OneDL
continuation and the upstream OpenMMLab originals. Either works, so neither is
a hard dependency. pip cannot detect two mistakes: no family is installed, or
both are. In the second case the later install silently overwrites the earlier,
and uninstalling one breaks the other.

This module imports only the standard library, so that its check comes before
any other error.
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
# Modules that print a line at each start, and the known lines.
_NOISY = ('mmpretrain.datasets', 'mmseg.datasets', 'mmseg.datasets.transforms')
_MISSING_PLATFORM = 'Could not import OneDL'
_MISSING_OPERATOR = 'Fail to import ``MultiScaleDeformableAttention``'
# Operators for which torchvision registers fake kernels when it is imported,
# even if its compiled library, which declares them, could not be loaded.
TORCHVISION_SCHEMAS = (
    'nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor',
    'qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor',
)


@functools.cache
def require_openmmlab() -> None:
    """Ensure that one OpenMMLab family is installed and ready to import.

    Every package of ours that needs MMSegmentation calls this first, also in
    worker processes. Only the first call does anything.

    Raises:
        ImportError: If one of ``IMPORT_NAMES`` is not installed, or packages
            of both families are installed.
    """
    _check_installed()
    _check_not_mixed()
    let_torchvision_import_beside_cpu_torch()
    _let_checkpoints_load_without_pickle()
    # Albumentations looks up its newest version online when it is imported.
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


@functools.cache
def let_torchvision_import_beside_cpu_torch() -> None:
    """Let the first ``import torchvision`` find its operators.

    Whoever imports a package that imports torchvision calls this first.
    """
    if 'torchvision' not in sys.modules:
        sys.meta_path.insert(0, _TorchvisionWatcher())


class _TorchvisionWatcher(importlib.abc.MetaPathFinder):
    """Declare torchvision's operators just before it is first imported.

    The CUDA wheel of torchvision (on PyPI) cannot load its compiled library
    together with a CPU build of torch. Its import then fails at the first
    undeclared operator. MMPretrain imports torchvision only for transforms,
    which need none of these operators. This class is a finder so that neither
    torch nor torchvision is imported before it is needed.
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
    """Read the build from a file, because the import would fail."""
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
    """Declare the operators; the cache keeps the returned library alive."""
    import torch

    library = torch.library.Library('torchvision', 'FRAGMENT')
    for schema in TORCHVISION_SCHEMAS:
        library.define(schema)
    return library


def _silence_known_noise() -> None:
    """Hide messages of OpenMMLab at each start that do not concern our users.

    MMCV warns about an operator that its build without compiled code lacks,
    and some packages print that data sets of the OneDL platform are missing.
    """
    warnings.filterwarnings('ignore', message=_MISSING_OPERATOR)
    # Two such finders would call each other without end.
    if not any(isinstance(each, _NoiseWatcher) for each in sys.meta_path):
        sys.meta_path.insert(0, _NoiseWatcher())


class _NoiseWatcher(importlib.abc.MetaPathFinder):
    """Hide one line that some modules print when they are imported.

    This class is a finder so that nothing is imported before it is needed.
    """

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        """Find such a module with the other finders."""
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
    """Allow a NumPy type that is missing in MMEngine's list of safe types.

    The message hub in a Runner checkpoint contains float32 metrics. If their
    type is not allowed, onedl-mmengine falls back from the safe loader to one
    that can execute code from the file.
    """
    import numpy as np
    import torch

    torch.serialization.add_safe_globals([type(np.dtype('float32'))])
