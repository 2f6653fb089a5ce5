# Copyright (c) gps_seg contributors. Apache-2.0.
"""What is in a delta file: counts, bytes and facts, for people and scripts."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gps_seg.delta.change import Change
from gps_seg.delta.delta import Delta
from gps_seg.delta.format.container import read_container
from gps_seg.sparse.summary import KindRow, format_table, summarize_selection
from gps_seg.text.printable import on_one_line, printable
from gps_seg.text.table import aligned


def describe(path: str | os.PathLike[str]) -> dict[str, Any]:
    """All that is known of a delta file, as an object that JSON can hold.

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
        'storage': _by_storage(delta.changes.values()),
        'lossless': delta.is_lossless,
        'whole_base_known': delta.fingerprint is not None,
        'kinds': [
            row._asdict() for row in summarize_selection(delta.selection)
        ],
        'info': delta.info.to_json(),
    }


def file_parts(path: str | os.PathLike[str]) -> dict[str, int]:
    """Bytes of a delta file, by what they are for.

    ``values`` are the new values in any coding, ``index`` says where they
    go, ``fingerprint`` knows the rest of the base, ``header`` is the text
    that describes them, and ``container`` what safetensors and the hash of
    the content add; together they are ``file``.
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
    """What :func:`describe` gives, without the config, as text."""
    info = facts['info']
    lines = [
        ('file', facts['file']),
        ('format', f'{facts["format"]} version {facts["version"]}'),
        ('method', _words(info['method']) or '(not told)'),
        ('classes', ', '.join(info['classes']) or '(not told)'),
        ('metric', _words(info['metric']) or '(not told)'),
        ('versions', _words(info['versions'])),
        ('config', f'{len(info["config"].splitlines())} lines (--config)'),
        (
            'lossless',
            'yes' if facts['lossless'] else 'no, values were rounded',
        ),
        (
            'base',
            'recorded in full'
            if facts['whole_base_known']
            else 'recorded only where the delta changes it',
        ),
    ]
    blocks = [
        '\n'.join(f'{n:9} {on_one_line(value)}' for n, value in lines),
        _count_table('tensors that change', facts['tensors']),
        _count_table('values kept as', facts['storage']),
        _byte_table(facts['bytes']),
    ]
    if facts['kinds']:
        blocks.append(format_table([KindRow(**row) for row in facts['kinds']]))
    return printable('\n\n'.join(blocks))


def _by_part(delta: Delta) -> dict[str, dict[str, int]]:
    changes = delta.changes
    whole = changes.keys() - delta.selection.keys() - delta.new
    return {
        'selected': _count(changes[name] for name in delta.selection),
        'whole': _count(changes[name] for name in whole),
        'new': _count(changes[name] for name in delta.new),
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
    rows = [
        (name, f'{count["tensors"]:,}', f'{count["entries"]:,}')
        for name, count in counts.items()
    ]
    return aligned([(title, 'tensors', 'entries'), *rows])


def _byte_table(parts: Mapping[str, int]) -> str:
    rows = [
        (name, f'{size:,}', f'{100 * size / parts["file"]:.1f} %')
        for name, size in parts.items()
    ]
    return aligned([('bytes of', '', ''), *rows])
