# Copyright (c) gps_seg contributors. Apache-2.0.
"""Read checkpoints without running code in them.

A pickle can run any code when it is read. PyTorch's restricted unpickler
builds only objects from a list. Importing this module restricts every
``torch.load`` of the process to it, including torch hub's, by PyTorch's own
switch ``TORCH_FORCE_WEIGHTS_ONLY_LOAD``. If you trust a file that needs more,
set the variable to 0 before the import. Any other value restricts.
"""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any
from zipfile import BadZipFile, ZipFile

import torch
from torch.serialization import (
    add_safe_globals,
    clear_safe_globals,
    get_safe_globals,
)

from gps_seg.models.pickled_arrays import STAND_INS, restored

SWITCH = 'TORCH_FORCE_WEIGHTS_ONLY_LOAD'
OPPOSITE = 'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'
#: Largest ratio of the unpacked size of an archive to its size.
MOST_UNPACKED = 100
_ONE_AT_A_TIME = RLock()


def restrict_loading() -> None:
    """Restrict every ``torch.load``, unless the switch is exactly ``'0'``."""
    if _is_lifted():
        return
    given = os.environ.get(SWITCH)
    os.environ[SWITCH] = '1'
    # PyTorch refuses to read any file if both are set.
    opposite = os.environ.pop(OPPOSITE, None)
    if given in (None, '1') and opposite is None:
        return
    warnings.warn(
        f'{SWITCH}: expected 0 or 1, got {given!r}, {OPPOSITE}={opposite!r}. '
        'Reading .pth files stays restricted to tensors and plain values; '
        f'only {SWITCH}=0 lifts this.',
        stacklevel=2,
    )


def _is_lifted() -> bool:
    """Read the switch for each file, as PyTorch does."""
    return os.environ.get(SWITCH) == '0'


restrict_loading()


def read_checkpoint(
    filename: str | Path, map_location: Any = 'cpu'
) -> dict[str, Any]:
    """Content of a ``.pth`` file with tensors and plain values only.

    With ``TORCH_FORCE_WEIGHTS_ONLY_LOAD=0`` a file may contain, and run,
    anything.

    Args:
        filename: File to read.
        map_location: Device to load onto.

    Raises:
        FileNotFoundError: If there is no such file.
        PermissionError: If the file may not be read.
        ValueError: If the file is damaged or has any other content.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, 'model.pth')
        ...     torch.save({'weight': torch.ones(2)}, path)
        ...     read_checkpoint(path)
        {'weight': tensor([1., 1.])}
    """
    path = Path(filename).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            f'checkpoint: expected a file, got nothing at {path}. Check the '
            'path.'
        )
    with open(path, 'rb') as file:
        content = read_restricted(file, path, map_location)
    if not isinstance(content, dict):
        raise ValueError(
            f'checkpoint: expected a dictionary, got {type(content).__name__} '
            f'({path}). Save the state_dict of the model.'
        )
    return content


def read_restricted(file: Any, path: Any, map_location: Any = None) -> Any:
    """Content of an open file; see :func:`read_checkpoint`.

    Args:
        file: File that is open for binary reading, at its beginning.
        path: Name of the file for errors.
        map_location: Device to load onto, in any form of ``torch.load``.

    Raises:
        ValueError: If the file is damaged or has any other content.
    """
    with _stand_ins_allowed():
        try:
            require_bounded(file)
            content = torch.load(
                file, map_location, weights_only=not _is_lifted()
            )
            return restored(content)
        # A damaged pickle calls allowed functions with wrong arguments, so any
        # error may come.
        except Exception as error:
            raise ValueError(_refusal(path, error)) from error


@contextmanager
def _stand_ins_allowed() -> Iterator[None]:
    """Let PyTorch unpickle the stand-ins, even if others allow the originals.

    PyTorch has one list per process, and uses any of several entries with the
    same name. If others remove an entry, ours of that name is lost, too. So
    ours are on the list for one call only, and for one thread at a time.
    """
    names = {name for _, name in STAND_INS}
    with _ONE_AT_A_TIME:
        allowed = get_safe_globals()
        others = [each for each in allowed if _name_of(each) not in names]
        clear_safe_globals()
        try:
            add_safe_globals([*others, *STAND_INS])
            yield
        finally:
            clear_safe_globals()
            add_safe_globals(allowed)


def _name_of(allowed: Any) -> str:
    """Name under which a pickle refers to an entry of PyTorch's list."""
    if isinstance(allowed, tuple):
        return str(allowed[1])
    return f'{allowed.__module__}.{allowed.__qualname__}'


def require_bounded(file: Any) -> None:
    """Refuse an archive that unpacks to far more than its own size.

    Files that are not archives pass.

    Args:
        file: File that is open for binary reading, at its beginning; it is
            returned to the beginning.

    Raises:
        ValueError: If the archive is such.
    """
    try:
        with ZipFile(file) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except BadZipFile:
        return
    finally:
        packed = file.seek(0, os.SEEK_END)
        file.seek(0)
    if unpacked > MOST_UNPACKED * packed:
        raise ValueError(f'{unpacked} bytes packed in {packed}')


def _refusal(path: Any, error: Exception) -> str:
    """Message of one line, however many lines the error has."""
    # PyTorch puts the reason after its advice, which does not apply here.
    text = str(error).rpartition('WeightsUnpickler error:')[2]
    lines = [line.strip() for line in text.splitlines()]
    reasons = [line for line in lines if 'GLOBAL' in line] or lines
    reason = next(filter(None, reasons), type(error).__name__)
    if reason.isdigit():  # a byte that begins no pickle
        reason = 'a file of another kind'
    if not reason.isprintable():  # a name in the file may have any character
        reason = ascii(reason)
    return (
        'checkpoint: expected a PyTorch file of tensors and plain values, '
        f'got: {reason} ({path}). Copy or download it again if it is damaged. '
        'A file with other content is not read, as it could run code. If you '
        'trust it, save its state_dict alone to a new file, or set '
        f'{SWITCH}=0 for this one command.'
    )
