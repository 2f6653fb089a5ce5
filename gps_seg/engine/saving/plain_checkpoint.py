# Copyright (c) gps_seg contributors. Apache-2.0.
"""Write full weights in a format that MMSegmentation reads."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gps_seg.delta import DeltaInfo
from gps_seg.models.weight_files import write_once, write_safetensors


def checkpoint_meta(
    info: DeltaInfo,
    dataset_meta: Mapping[str, Any] | None = None,
    config: str = '',
) -> dict[str, Any]:
    """Metadata that MMSegmentation stores with the weights, as plain values.

    Args:
        info: Info of the delta.
        dataset_meta: Classes and palette for a delta without them; unknown
            entries are left out.
        config: Text of the user's own config. The text in the delta is not
            used, because OpenMMLab's inferencers run the config of a
            checkpoint.
    """
    known = info.to_json() if info.classes else dataset_meta or {}
    meta: dict[str, Any] = {}
    if known.get('classes'):
        palette = [list(colour) for colour in known.get('palette') or ()]
        meta['dataset_meta'] = {
            'classes': tuple(known['classes']),
            'palette': palette or None,
        }
    if config:
        meta['cfg'] = config
    return meta


def write_checkpoint(
    path: Path, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]
) -> int:
    """Write weights whole or not at all; never replace another file.

    A ``.pth`` is a checkpoint of MMSegmentation that PyTorch's restricted
    unpickler reads. A ``.safetensors`` contains the tensors, and ``meta`` as
    text.

    Returns:
        Size of the file in bytes.

    Raises:
        FileExistsError: If the file exists with other content.
        OSError: If it cannot be written; nothing is left behind.
    """
    plain = {
        name: tensor.detach()
        .cpu()
        .clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    if path.suffix.lower() == '.safetensors':
        texts = {key: json.dumps(value) for key, value in meta.items()}
        write_safetensors(path, plain, texts)
    else:
        buffer = io.BytesIO()
        torch.save({'meta': dict(meta), 'state_dict': plain}, buffer)
        write_once(path, buffer.getvalue())
    return path.stat().st_size
