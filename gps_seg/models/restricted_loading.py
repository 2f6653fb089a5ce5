# Copyright (c) gps_seg contributors. Apache-2.0.
"""Read checkpoints without running what is in them.

A pickle can run any code when it is read. PyTorch's restricted unpickler
builds only what is on a list. MMEngine tries it first and then, if a file
holds anything else, reads that file without restriction, which is exactly
when it should not. Importing this module closes that for the process: every
``torch.load``, MMEngine's and torch hub's too, is restricted by PyTorch's own
switch ``TORCH_FORCE_WEIGHTS_ONLY_LOAD``. Who trusts a file that needs more
sets that variable to 0.
"""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging.history_buffer import HistoryBuffer
from mmengine.runner import CheckpointLoader
from torch.serialization import safe_globals

SWITCH = 'TORCH_FORCE_WEIGHTS_ONLY_LOAD'
# An OSError is what torch makes of an archive that is cut short.
_UNREADABLE = (pickle.UnpicklingError, RuntimeError, EOFError, OSError)
_STATISTICS = ('min', 'max', 'current', 'mean')

os.environ.setdefault(SWITCH, '1')


def _statistic(owner: Any, name: str) -> Callable[..., Any]:
    """Stands in for ``getattr``, by which histories name their methods."""
    if owner is not HistoryBuffer or name not in _STATISTICS:
        raise pickle.UnpicklingError(f'getattr of {name!r} from {owner!r}')
    method: Callable[..., Any] = getattr(owner, name)
    return method


def _numpy_makers() -> list[tuple[Any, str]]:
    """How NumPy's pickles make arrays and numbers, in versions 1 and 2."""
    core = np._core if hasattr(np, '_core') else np.core
    return [
        (getattr(core.multiarray, name), f'numpy.{module}.multiarray.{name}')
        for name in ('_reconstruct', 'scalar')
        for module in ('core', '_core')
    ]


#: What checkpoints of OpenMMLab hold beside tensors and plain values: the
#: history of the log, as arrays and numbers of NumPy.
HARMLESS: list[Any] = [
    HistoryBuffer,
    (_statistic, 'builtins.getattr'),
    np.ndarray,
    np.dtype,
    *(type(np.dtype(code)) for code in '?bBhHiIlLqQefd'),
    *_numpy_makers(),
]


def read_checkpoint(
    filename: str | Path, map_location: Any = 'cpu'
) -> dict[str, Any]:
    """What is in a ``.pth`` file: tensors, plain values, nothing that runs.

    Args:
        filename: File to read.
        map_location: Device to load onto.

    Raises:
        FileNotFoundError: If there is no such file.
        PermissionError: If it may not be read.
        ValueError: If the file is cut short, or holds anything else.
    """
    path = Path(filename).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            f'checkpoint: expected a file, got nothing at {path}. Check the '
            'path.'
        )
    # For the time of this call: what others allow and take back, when MMEngine
    # reads a file, would take back ours.
    with open(path, 'rb') as file, safe_globals(HARMLESS):
        try:
            content = torch.load(file, map_location, weights_only=True)
        except _UNREADABLE as err:
            raise ValueError(_refusal(path, err)) from err
    if not isinstance(content, dict):
        raise ValueError(
            f'checkpoint: expected a dictionary, got {type(content).__name__} '
            f'({path}). Save the state_dict of the model.'
        )
    return content


# MMEngine's own loader of local files has the empty prefix, too; its log says
# what follows "load_from_".
@CheckpointLoader.register_scheme(prefixes='', force=True)
def load_from_local(filename: str, map_location: Any) -> dict[str, Any]:
    """Loader of MMEngine for a path; see :func:`read_checkpoint`."""
    return read_checkpoint(filename, map_location)


def _refusal(path: Path, error: Exception) -> str:
    reasons = [line for line in str(error).splitlines() if 'GLOBAL' in line]
    reason = (reasons or str(error).splitlines() or [type(error).__name__])[0]
    return (
        f'checkpoint: expected a PyTorch file of tensors and plain values, '
        f'got: {reason.strip()} ({path}). Copy or download it again; a file '
        'that holds more is not read, as it could run code. If you trust '
        'it, keep its state_dict alone in a file of its own.'
    )
