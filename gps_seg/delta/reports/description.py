# Copyright (c) gps_seg contributors. Apache-2.0.
"""The content of a delta file: counts, bytes and facts."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gps_seg.delta.change import Change
from gps_seg.delta.delta import Delta
from gps_seg.delta.format.container import read_container
from gps_seg.delta.reports.added import format_added, what_is_added
from gps_seg.sparse.summary import KindRow, format_table, summarize_selection
from gps_seg.text.printable import printable
from gps_seg.text.short import method_text
from gps_seg.text.table import aligned

#: Names of the parts that a delta changes, by the keys of :func:`describe`.
PART_NAMES = {
    'selected': 'selected connections',
    'whole': 'whole tensors, such as biases',
    'added': 'added modules',
    'new': 'new tensors, such as a head',
}
_BASE_IN_PART = 'recorded only where the delta changes it'


def describe(path: str | os.PathLike[str]) -> dict[str, Any]:
    """All facts about a delta file, as plain data for JSON.

    Raises:
        FileNotFoundError: If there is no such file.
        PermissionError: If it may not be read.
        ValueError: If it is not a delta; see :meth:`Delta.load`.
    """
    delta = Delta.load(path)
    header, _ = read_container(path)
    content = json.loads(header)
    return {
        'file': str(path),
        'format': content['format'],
        'version': content['version'],
        'bytes': file_parts(path),
        'tensors': _by_part(delta),
        'added': what_is_added(delta),
        'storage': _by_storage(delta.changes.values()),
        'lossless': delta.is_lossless,
        'whole_base_known': delta.fingerprint is not None,
        'kinds': [
            row._asdict() for row in summarize_selection(delta.selection)
        ],
        'info': delta.info.to_json(),
    }


def file_parts(path: str | os.PathLike[str]) -> dict[str, int]:
    """Bytes of a delta file, by purpose.

    ``values`` are the new values in any coding, ``index`` is their places,
    ``fingerprint`` the digests of the rest of the base, ``header`` the text
    that describes them, and ``container`` the overhead of safetensors and the
    hash. ``file`` is the sum.
    """
    header, arrays = read_container(path)
    total = Path(path).stat().st_size
    sizes = {name: array.nbytes for name, array in arrays.items()}
    parts = {
        'index': sizes.pop('index'),
        'fingerprint': sizes.pop('fingerprint', 0) + sizes.pop('sketches', 0),
    }
    parts = {
        'values': sum(sizes.values()),
        **parts,
        'header': len(header.encode()),
    }
    return {**parts, 'container': total - sum(parts.values()), 'file': total}


def format_description(facts: Mapping[str, Any]) -> str:
    """The facts of :func:`describe` as text, without the config."""
    parts = {PART_NAMES[n]: count for n, count in facts['tensors'].items()}
    blocks = [
        aligned(_fact_rows(facts)),
        _count_table('what changes', parts),
        _count_table('stored as', facts['storage']),
        _byte_table(facts['bytes']),
    ]
    if facts['added']:
        blocks.append(format_added(facts['added']))
    if facts['kinds']:
        blocks.append(format_table([KindRow(**row) for row in facts['kinds']]))
    return printable('\n\n'.join(blocks))


def _fact_rows(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    info = facts['info']
    metrics = ', '.join(f'{n} {v:.2f}' for n, v in info['metric'].items())
    is_whole = facts['whole_base_known']
    seed = info['seed']
    rows = [
        ('file', facts['file']),
        ('format', f'{facts["format"]} version {facts["version"]}'),
        ('method', method_text(info['method'])),
        ('classes', ', '.join(info['classes'])),
        ('metrics', metrics),
        ('seed', '' if seed is None else f'{seed} (of the run)'),
        ('versions', _words(info['versions'])),
        ('config', f'{len(info["config"].splitlines())} lines (--config)'),
        ('lossless', 'yes' if facts['lossless'] else 'no (values rounded)'),
        ('base', 'recorded in full' if is_whole else _BASE_IN_PART),
        ('weights', _words(info.get('base', {}))),
    ]
    return [(name, text or '(not recorded)') for name, text in rows]


def _by_part(delta: Delta) -> dict[str, dict[str, int]]:
    changes = delta.changes
    whole = changes.keys() - delta.selection.keys() - delta.new
    return {
        'selected': _count(changes[name] for name in delta.selection),
        'whole': _count(changes[name] for name in whole),
        'added': _count(changes[name] for name in delta.added),
        'new': _count(changes[name] for name in delta.new - delta.added),
    }


def _by_storage(changes: Iterable[Change]) -> dict[str, dict[str, int]]:
    groups: dict[str, list[Change]] = {}
    for change in changes:
        groups.setdefault(change.storage, []).append(change)
    return {name: _count(groups[name]) for name in sorted(groups)}


def _count(changes: Iterable[Change]) -> dict[str, int]:
    sizes = [len(change.values) for change in changes]
    return {'tensors': len(sizes), 'entries': sum(sizes)}


def _words(facts: Mapping[str, Any]) -> str:
    return ', '.join(f'{name} {value}' for name, value in facts.items())


def _count_table(title: str, counts: Mapping[str, Mapping[str, int]]) -> str:
    rows = [(n, c['tensors'], c['entries']) for n, c in counts.items()]
    return aligned([(title, 'tensors', 'values'), *rows])


def _byte_table(parts: Mapping[str, int]) -> str:
    rows = [
        (name, size, f'{100 * size / parts["file"]:.1f} %')
        for name, size in parts.items()
    ]
    return aligned([('part of the file', 'bytes', 'share'), *rows])
