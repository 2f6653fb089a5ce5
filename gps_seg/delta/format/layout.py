# Copyright (c) gps_seg contributors. Apache-2.0.
"""The delta format: encode changes as a header and arrays, and decode them.

``docs/delta_format.md`` describes it for independent readers. The claims of a
header about the tensors are checked in ``records.py`` before memory is
allocated for them.
"""

import json
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from gps_seg.delta.change import DTYPE_NAMES, Change
from gps_seg.delta.format.container import Arrays
from gps_seg.delta.format.indices import (
    IndexPlan,
    decode_indices,
    encode_indices,
)
from gps_seg.delta.format.records import Record
from gps_seg.delta.format.streams import ArrayReader, ArrayWriter
from gps_seg.delta.info import DeltaInfo, is_text_list
from gps_seg.delta.json_text import read_json
from gps_seg.delta.sketch import Sketch

FORMAT = 'gps_seg.delta'
#: Version 1 had neither ``untouched`` nor the seed in the info. Version 3 is
#: written only if something was added to the model, and version 4 only if the
#: info says something about the base: a file says the least that it needs.
VERSION = 4
READ_VERSIONS = (1, 2, 3, VERSION)
_PIECE = 1 << 20  # bytes


class Content(NamedTuple):
    """Content of a file; see :class:`~gps_seg.delta.Delta`."""

    changes: Mapping[str, Change]
    info: DeltaInfo
    fingerprint: Mapping[str, str] | None
    sketches: Mapping[str, Sketch]


def encode(content: Content) -> tuple[str, Arrays]:
    """Header (JSON) and arrays of a delta."""
    arrays, index, records = ArrayWriter(), [], []
    for name, change in content.changes.items():
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
        'version': _version(content.info),
        'tensors': records,
        'info': content.info.to_json(),
    }
    if content.fingerprint is not None:
        header['untouched'] = _write_fingerprint(content, arrays)
    deflated = zlib.compress(b''.join(index), level=9)
    text = json.dumps(header, separators=(',', ':'))
    return text, arrays.finish(np.frombuffer(deflated, np.uint8))


def _write_fingerprint(content: Content, arrays: ArrayWriter) -> list[str]:
    """Append the fingerprint; return the names of the untouched tensors."""
    digests = content.fingerprint or {}
    untouched = sorted(digests.keys() - content.changes.keys())
    parts = [name for name in content.changes if name in digests]
    arrays.add_digests([digests[name] for name in untouched + parts])
    if content.sketches:
        arrays.add_sketches([content.sketches.get(n) for n in untouched])
    return untouched


def decode(header: str, arrays: Arrays) -> Content:
    """The inverse of :func:`encode`.

    Raises:
        ValueError: If header or arrays break a rule of the format.
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
    untouched = content.get('untouched')
    fingerprint = _read_fingerprint(untouched, plans, reader)
    sketches = reader.sketches(untouched or ())
    reader.finish()
    changes = {
        plan.name: plan.change(
            number, None if plan.index is None else next(indices)
        )
        for plan, number in zip(plans, values, strict=True)
    }
    info = DeltaInfo.from_json(content['info'])
    return Content(changes, info, fingerprint, sketches)


def _version(info: DeltaInfo) -> int:
    if info.base:
        return 4
    return 3 if info.added else 2


def _parse(header: str) -> dict[str, Any]:
    try:
        content = read_json(header)
    except ValueError as error:
        raise ValueError(f'header: {error}.') from error
    if not isinstance(content, dict):
        raise ValueError(f'header: expected an object, got {content!r}.')
    kind, version = content.get('format'), content.get('version')
    is_known = type(version) is int and version in READ_VERSIONS
    if kind != FORMAT or not is_known:
        raise ValueError(
            f'format: expected {FORMAT} of version 1 to {VERSION}, got {kind} '
            f'version {version}. Read it with the gps_seg that wrote it.'
        )
    keys = {'format', 'version', 'tensors', 'info'}
    optional = set() if version == 1 else {'untouched'}
    if not keys <= content.keys() <= keys | optional or not isinstance(
        content['tensors'], list
    ):
        raise ValueError(
            f'header: expected {sorted(keys)}, got {sorted(content)}.'
        )
    return content


def _read_fingerprint(
    untouched: Any, plans: Iterable[Record], reader: ArrayReader
) -> dict[str, str] | None:
    if untouched is None:
        return None
    names = {plan.name for plan in plans}
    if (
        not is_text_list(untouched)
        or untouched != sorted(set(untouched))
        or names & set(untouched)
    ):
        raise ValueError(
            'untouched: expected different names in sorted order, and none '
            f'of a tensor that changes, got {untouched!r}.'
        )
    parts = [plan.name for plan in plans if plan.index is not None]
    digests = reader.digests(len(untouched) + len(parts))
    return dict(zip(untouched + parts, digests, strict=True))


def _inflate(
    deflated: bytes, plans: Iterable[IndexPlan]
) -> list[Tensor]:  # each of shape: (num_entries,)
    plans = list(plans)
    raw = memoryview(_inflated(deflated, sum(p.num_bytes for p in plans)))
    indices, offset = [], 0
    for plan in plans:
        part = raw[offset : offset + plan.num_bytes]
        indices.append(torch.from_numpy(decode_indices(plan, part)))
        offset += plan.num_bytes
    return indices


def _inflated(deflated: bytes, expected: int) -> bytearray:
    """Inflate to at most the size that the header claims.

    The claim has been checked against the values in the file.
    """
    raw, length = bytearray(expected), 0
    stream = zlib.decompressobj()
    try:
        while deflated and length <= expected:
            # Copied piece by piece, because joining needs twice the memory.
            part = stream.decompress(deflated, _PIECE)
            raw[length : length + len(part)] = part
            length += len(part)
            deflated = stream.unconsumed_tail
    except zlib.error as error:
        raise ValueError(f'index: expected zlib, got {error}.') from error
    if length != expected or not stream.eof or stream.unused_data:
        raise ValueError(
            f'index: expected {expected} bytes, got {length} or more.'
        )
    return raw
