# Copyright (c) gps_seg contributors. Apache-2.0.
"""A text and named arrays in a safetensors file, with a hash of all of it.

This module does not know what a delta is. Files are written whole or not at
all, and a damaged file is detected when it is read.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError, safe_open

from gps_seg.files import write_bytes

Arrays = dict[str, np.ndarray[Any, Any]]

#: The only key, because safetensors writes several keys in random order.
_KEY = 'gps_seg.delta'
_HASH = 'sha256'
_DTYPES = {'U8', 'I8', 'U16', 'I16', 'I32', 'I64', 'F16', 'F32', 'F64'}


def write_container(
    path: str | os.PathLike[str], header: str, arrays: Arrays
) -> None:
    """Write a file, whole or not at all.

    Raises:
        OSError: If it cannot be written; nothing is left behind, and an
            existing file is unchanged.
    """
    hashed = {**arrays, _HASH: _content_hash(header, arrays)}
    write_bytes(safetensors.numpy.save(hashed, metadata={_KEY: header}), path)


def is_container(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a delta; only its header is read.

    Example:
        >>> import tempfile
        >>> from gps_seg.delta import Delta
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Delta({}).save(f'{folder}/delta.safetensors')
        ...     _ = Path(folder, 'notes.txt').write_text('no delta')
        ...     [is_container(file) for file in sorted(Path(folder).iterdir())]
        [True, False]
    """
    try:
        with safe_open(path, framework='np') as file:
            return _KEY in (file.metadata() or {})
    except (SafetensorError, OSError):
        return False


def read_container(path: str | os.PathLike[str]) -> tuple[str, Arrays]:
    """Read a file that :func:`write_container` wrote.

    Raises:
        FileNotFoundError: If there is no such file.
        PermissionError: If it may not be read.
        ValueError: If it is not such a file, or has been changed.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'delta: expected a file, got '
            f'{"a folder" if path.is_dir() else "nothing"} at {path}. A '
            'training run writes delta.safetensors into its work directory.'
        )
    with open(path, 'rb'):  # raises PermissionError, unlike safetensors
        pass
    try:
        header, arrays = _read(path)
    except (SafetensorError, OSError, UnicodeError) as error:
        if is_zipfile(path):  # as torch.save writes
            raise ValueError(
                f'delta: expected a delta (.safetensors), got a PyTorch '
                f'checkpoint ({path}). tools/delta.py extract makes a delta '
                'of two whole checkpoints.'
            ) from error
        raise ValueError(
            f'delta: expected a whole safetensors file, got {path} of '
            f'{path.stat().st_size} bytes ({error}). Copy it again.'
        ) from error
    stored = arrays.pop(_HASH, None)
    if stored is None or not np.array_equal(
        stored, _content_hash(header, arrays)
    ):
        raise ValueError(
            f'delta: expected content that matches its hash, got other '
            f'content ({path}). The file was changed or damaged; copy it '
            'again.'
        )
    return header, arrays


def _read(path: Path) -> tuple[str, Arrays]:
    with safe_open(path, framework='np') as file:
        header = (file.metadata() or {}).get(_KEY)
        if header is None:
            raise ValueError(
                f'delta: expected a delta, got a safetensors file without '
                f'the metadata {_KEY} ({path}). If these are whole weights, '
                'make a delta from them with tools/delta.py extract.'
            )
        dtypes = {n: file.get_slice(n).get_dtype() for n in file.keys()}
        unknown = set(dtypes.values()) - _DTYPES
        if unknown:  # NumPy lacks some of the types of safetensors
            raise SafetensorError(f'arrays of {sorted(unknown)}')
        return header, {name: file.get_tensor(name) for name in dtypes}


def _content_hash(
    header: str, arrays: Mapping[str, np.ndarray[Any, Any]]
) -> np.ndarray[Any, Any]:  # shape: (32,), uint8
    sha = hashlib.sha256(header.encode())
    for name in sorted(arrays):
        sha.update(name.encode())
        sha.update(np.ascontiguousarray(arrays[name]).tobytes())
    return np.frombuffer(sha.digest(), np.uint8)
