# Copyright (c) gps_seg contributors. Apache-2.0.
"""Whether an error is a mistake in code that a user plugged into MMEngine."""

import sysconfig
import traceback
from pathlib import Path

_STANDARD = Path(sysconfig.get_path('stdlib'))
_THIS_PACKAGE = Path(__file__).parents[1]
_INSTALLED = {'site-packages', 'dist-packages'}
#: Also when they are used from a checkout.
OPENMMLAB = ('mmengine', 'mmcv', 'mmseg', 'mmpretrain')


def comes_from_plugged_in_code(error: Exception) -> bool:
    """Whether a user's hook, model or data set raised an error.

    That is code which MMEngine called, and which is neither installed nor
    part of this package or of Python.

    Args:
        error: Exception with its traceback.
    """
    places = traceback.walk_tb(error.__traceback__)
    files = [Path(frame.f_code.co_filename) for frame, _ in places]
    files = [file for file in files if not _is_standard(file)]
    called = any('mmengine' in file.parts for file in files)
    return called and not _is_library(files[-1])


def _is_standard(file: Path) -> bool:
    if str(file).startswith('<'):  # such as <frozen importlib._bootstrap>
        return True
    return file.is_relative_to(_STANDARD) and not _INSTALLED & set(file.parts)


def _is_library(file: Path) -> bool:
    return (
        file.is_relative_to(_THIS_PACKAGE)
        or bool(_INSTALLED & set(file.parts))
        or bool(set(OPENMMLAB) & set(file.parts))
    )
