# Copyright (c) gps_seg contributors. Apache-2.0.
"""The delta format: changes to a header and arrays, and back.

``docs/delta_format.md`` describes it for readers of other make. What
a header claims of the tensors is checked in ``records.py`` before anything is
allocated by it.
"""

import json
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gps_seg.delta.change import DTYPE_NAMES, Change
from gps_seg.delta.container import Arrays
from gps_seg.delta.indices import IndexPlan, decode_indices, encode_indices
from gps_seg.delta.info import DeltaInfo
from gps_seg.delta.records import Record
from gps_seg.delta.streams import ArrayReader, ArrayWriter

FORMAT = 'gps_seg.delta'
VERSION = 1


def encode(
    changes: Mapping[str, Change], info: DeltaInfo
) -> tuple[str, Arrays]:
    """Header (JSON) and arrays of a delta."""
    arrays, index, records = ArrayWriter(), [], []
    for name, change in changes.items():
        record: dict[str, Any] = {
            'name': name,
            'shape': list(change.shape),
            'dtype': DTYPE_NAMES[change.dtype],
        }
        if change.indices is not None:
            plan, raw = encode_indices(
                change.indices.numpy(), tuple(change.shape)
            )
            index.append(raw)
            record['entries'] = plan.entries
            record['columns'] = plan.columns
            record['per_row'] = plan.per_row
        record.update(arrays.add(change.values, change.dtype))
        if change.base is not None:
            record['base'] = change.base
        records.append(record)
    header = {
        'format': FORMAT,
        'version': VERSION,
        'tensors': records,
        'info': info.to_json(),
    }
    deflated = zlib.compress(b''.join(index), level=9)
    text = json.dumps(header, separators=(',', ':'))
    return text, arrays.finish(np.frombuffer(deflated, np.uint8))


def decode(header: str, arrays: Arrays) -> tuple[dict[str, Change], DeltaInfo]:
    """The inverse of :func:`encode`.

    Raises:
        ValueError: If header and arrays are not what :func:`encode` gives.
    """
    content = _parse(header)
    plans = [Record(record) for record in content['tensors']]
    names = [plan.name for plan in plans]
    if names != sorted(set(names)):
        raise ValueError(
            'tensors: expected different names in sorted order, got others.'
        )
    reader = ArrayReader(arrays)
    values = [plan.read_values(reader) for plan in plans]
    index_plans = [plan.index for plan in plans if plan.index is not None]
    indices = iter(_inflate(reader.index(), index_plans))
    reader.finish()
    changes = {
        plan.name: plan.change(
            number, None if plan.index is None else next(indices)
        )
        for plan, number in zip(plans, values, strict=True)
    }
    return changes, DeltaInfo.from_json(content['info'])


def _parse(header: str) -> dict[str, Any]:
    try:
        content = json.loads(header)
    except (ValueError, RecursionError) as error:
        raise ValueError(f'header: expected JSON, got {error}.') from error
    if not isinstance(content, dict):
        raise ValueError(f'header: expected an object, got {content!r}.')
    kind = (content.get('format'), content.get('version'))
    if kind != (FORMAT, VERSION):
        raise ValueError(
            f'format: expected {FORMAT} version {VERSION}, got {kind[0]} '
            f'version {kind[1]}. Read it with the gps_seg that wrote it.'
        )
    keys = {'format', 'version', 'tensors', 'info'}
    if content.keys() != keys or not isinstance(content['tensors'], list):
        raise ValueError(
            f'header: expected {sorted(keys)}, got {sorted(content)}.'
        )
    return content


def _inflate(
    deflated: bytes, plans: Iterable[IndexPlan]
) -> list[Tensor]:  # each of shape: (num_entries,)
    plans = list(plans)
    expected = sum(plan.num_bytes for plan in plans)
    stream = zlib.decompressobj()
    try:
        # Never more than the header needs, which the values vouch for.
        raw = stream.decompress(deflated, expected + 1)
    except zlib.error as error:
        raise ValueError(f'index: expected zlib, got {error}.') from error
    if len(raw) != expected or not stream.eof or stream.unused_data:
        raise ValueError(
            f'index: expected {expected} bytes, got {len(raw)} or more.'
        )
    indices, offset = [], 0
    for plan in plans:
        part = raw[offset : offset + plan.num_bytes]
        indices.append(torch.from_numpy(decode_indices(plan, part)))
        offset += plan.num_bytes
    return indices
