# Copyright (c) gps_seg contributors. Apache-2.0.
"""Read and write files of weights without running code in them.

A pickle can run any code when it is read. So we write safetensors only, and
read safetensors, arrays of NumPy without pickled objects, or ``.pth`` files
through PyTorch's restricted unpickler.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import safetensors.torch
import torch
from safetensors import safe_open
from torch import Tensor

from gps_seg.files import write_bytes
from gps_seg.models.restricted_loading import (
    read_checkpoint,
    require_bounded,
)

_PROVENANCE = 'gps_seg'
_READ_SIZE = 1 << 20  # bytes


def read_tensors(path: str | Path) -> dict[str, Tensor]:
    """Tensors of a ``.safetensors``, ``.npz``, ``.pth``, ``.pt`` or ``.bin``.

    Of an OpenMMLab checkpoint the ``state_dict`` is returned.

    Args:
        path: File to read.

    Returns:
        Name -> tensor on the CPU, in the order of the file.

    Raises:
        FileNotFoundError: If there is no such file.
        PermissionError: If the file may not be read.
        ValueError: If the file does not match its suffix, is damaged, unpacks
            to far more than its size, or has any content besides named dense
            tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'weights: expected a file, got nothing at {path}. Check the path.'
        )
    if path.suffix == '.safetensors':
        return _read_safetensors(path)
    if path.suffix in ('.pth', '.pt', '.bin'):
        return _read_pickle_safely(path)
    if path.suffix == '.npz':
        return _read_arrays(path)
    raise ValueError(
        'weights: expected a name ending in .safetensors, .npz, .pth, .pt or '
        f'.bin, got {path.name!r} ({path}). Rename or convert the file.'
    )


def read_provenance(path: str | Path) -> dict[str, str]:
    """Provenance from :func:`write_safetensors`; empty for other files.

    Raises:
        ValueError: If the file is damaged.
    """
    with _damage_named('safetensors file', Path(path)):
        with safe_open(path, framework='pt') as file:
            metadata = file.metadata() or {}
        provenance = json.loads(metadata.get(_PROVENANCE, '{}'))
        return {str(key): str(value) for key, value in provenance.items()}


def write_safetensors(
    path: str | Path,
    tensors: Mapping[str, Tensor],
    provenance: Mapping[str, str],
) -> bool:
    """Write ``tensors`` whole or not at all; never over other content.

    The same tensors and provenance give the same bytes on every machine.

    Args:
        path: File to write; its folder is created if missing.
        tensors: Contiguous CPU tensors that share no memory.
        provenance: Facts about the source, stored in the file's header.

    Returns:
        Whether the file was written; False if it already had these bytes.

    Raises:
        FileExistsError: If the file exists with other content.
        OSError: If the file cannot be written; nothing is left behind.
    """
    # One metadata key: safetensors writes several in random order.
    metadata = {_PROVENANCE: json.dumps(dict(provenance), sort_keys=True)}
    return write_once(
        path, safetensors.torch.save(dict(tensors), metadata=metadata)
    )


def write_once(path: str | Path, content: bytes) -> bool:
    """Write a file whole or not at all; see :func:`write_safetensors`."""
    path = Path(path)
    if path.exists():
        if path.is_file() and path.read_bytes() == content:
            return False
        raise FileExistsError(
            'output: expected a new file or one with the same content, got '
            f'other content at {path}. Remove it or choose another name.'
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(content, path)
    return True


def sha256_of(path: str | Path) -> str:
    """Lower-case hexadecimal SHA-256 of a file."""
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        while chunk := file.read(_READ_SIZE):
            digest.update(chunk)
    return digest.hexdigest()


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    with _damage_named('safetensors file', path):
        tensors: dict[str, Tensor] = safetensors.torch.load_file(path)
    return tensors


def _read_arrays(path: Path) -> dict[str, Tensor]:
    with _damage_named('.npz file of numbers', path) as file:
        require_bounded(file)
        with np.load(file, allow_pickle=False) as arrays:
            return {name: torch.from_numpy(arrays[name]) for name in arrays}


@contextmanager
def _damage_named(kind: str, path: Path) -> Iterator[BinaryIO]:
    """Open a file; any error in the block becomes a ValueError.

    The libraries that read it trust its header, so damage may cause any
    error.
    """
    with open(path, 'rb') as file:
        try:
            yield file
        except Exception as error:
            reason = ' '.join(str(error).split()) or type(error).__name__
            raise ValueError(
                f'weights: expected a whole {kind}, got {reason} ({path}, '
                f'{path.stat().st_size} bytes). Copy or download it again.'
            ) from error


def _read_pickle_safely(path: Path) -> dict[str, Tensor]:
    content = read_checkpoint(path)
    if 'state_dict' in content:
        content = content['state_dict']
    if not isinstance(content, dict) or not all(
        isinstance(name, str) and _is_dense(value)
        for name, value in content.items()
    ):
        raise ValueError(
            'weights: expected a dictionary of tensors, got '
            f'{type(content).__name__} with other content ({path}). Save the '
            'state_dict of the model.'
        )
    return dict(content)


def _is_dense(value: Any) -> bool:
    return (
        isinstance(value, Tensor)
        and value.layout == torch.strided
        and not value.is_quantized
        and not value.is_meta
    )
