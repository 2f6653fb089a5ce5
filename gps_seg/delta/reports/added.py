# Copyright (c) gps_seg contributors. Apache-2.0.
"""What a delta adds to its base, in a few rows."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gps_seg.additions.names import prefix_of
from gps_seg.delta.delta import Delta
from gps_seg.text.table import aligned

_NUMBER = re.compile(r'(?<=\.)\d+(?=\.|$)')


class AddedRow(NamedTuple):
    """Additions of one kind at corresponding places of all blocks.

    Args:
        kind: Kind of the additions.
        places: Their places, with ``*`` for the numbers of the blocks.
        number: Number of additions.
        values: Number of values in them.
        settings: Their settings, if they are equal; else empty.
    """

    kind: str
    places: str
    number: int
    values: int
    settings: Mapping[str, Any]


def what_is_added(delta: Delta) -> list[dict[str, Any]]:
    """The additions of a delta as plain data, one object per row.

    Args:
        delta: Delta, with or without a plan.
    """
    groups: dict[tuple[str, str], list[Any]] = {}
    for one in delta.info.plan:
        key = one.kind, _NUMBER.sub('*', str(one.place))
        groups.setdefault(key, []).append(one)
    rows = []
    for (kind, places), members in groups.items():
        prefixes = tuple(map(prefix_of, members))
        values = sum(
            len(delta.changes[name].values)
            for name in delta.added
            if name.startswith(prefixes)
        )
        same = all(one.settings == members[0].settings for one in members)
        settings = dict(members[0].settings) if same else {}
        rows.append(AddedRow(kind, places, len(members), values, settings))
    return [row._asdict() for row in rows]


def format_added(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows of :func:`what_is_added` as a table.

    Args:
        rows: One or more rows.
    """
    head = ('added', 'number', 'values', 'settings', 'at')
    return aligned([head, *(_cells(AddedRow(**row)) for row in rows)])


def _cells(row: AddedRow) -> tuple[str, int, int, str, str]:
    settings = ' '.join(f'{n}={value}' for n, value in row.settings.items())
    return row.kind, row.number, row.values, settings or '-', row.places
