# Copyright (c) gps_seg contributors. Apache-2.0.
"""What is added to a model, as plain data.

A plan names kinds of :data:`gps_seg.additions.kinds.ADDITIONS`, their settings
and their places. It does not name a method. So a file with a plan needs no
code to build its model again, and still does when the defaults of a method
have changed.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

_PLACE = re.compile(r'(?P<name>[^\[\]]*)(\[(?P<start>\d+):(?P<stop>\d+)\])?')


@dataclass(frozen=True)
class Place:
    """A module of a model, one of its weights, or some rows of a weight.

    Args:
        name: Name of a module or of a parameter.
        rows: First and last row (exclusive) of a packed projection; None for
            the whole weight, and for a module.

    Example:
        >>> Place.of('attn.in_proj_weight[0:384]')
        Place(name='attn.in_proj_weight', rows=(0, 384))
        >>> str(Place('attn.in_proj_weight', (0, 384)))
        'attn.in_proj_weight[0:384]'
    """

    name: str
    rows: tuple[int, int] | None = None

    def __str__(self) -> str:
        if self.rows is None:
            return self.name
        start, stop = self.rows
        return f'{self.name}[{start}:{stop}]'

    @classmethod
    def of(cls, text: str) -> 'Place':
        """The inverse of ``str``.

        Raises:
            ValueError: If the text is malformed.
        """
        match = _PLACE.fullmatch(text)
        if match is None:
            raise ValueError(
                'additions: expected a place such as layers.0.attn or '
                f'layers.0.attn.in_proj_weight[0:384], got {text!r}.'
            )
        if match['start'] is None:
            return cls(match['name'])
        return cls(match['name'], (int(match['start']), int(match['stop'])))


@dataclass(frozen=True)
class Added:
    """One addition: its kind, place and settings.

    Args:
        kind: One of :data:`gps_seg.additions.kinds.ADDITIONS`.
        place: Module, weight, or rows of a weight.
        settings: Plain values that its class takes.

    Example:
        >>> place = Place('backbone.fc.weight')
        >>> Added('low_rank', place, {'rank': 4, 'scale': 2.0}).kind
        'low_rank'
    """

    kind: str
    place: Place
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """All additions to a model, in the order of their kinds and places.

    Args:
        added: Additions; at most one of a kind at a place.

    Raises:
        ValueError: If a kind occurs twice at a place.

    Example:
        >>> plan = Plan(
        ...     [Added('low_rank', Place('fc.weight'), {'rank': 4})]
        ... )
        >>> plan.to_json()
        [{'kind': 'low_rank', 'settings': {'rank': 4}, 'at': ['fc.weight']}]
        >>> Plan.from_json(plan.to_json()) == plan
        True
    """

    added: tuple[Added, ...] = ()

    def __init__(self, added: Iterable[Added] = ()) -> None:
        in_order = sorted(added, key=lambda one: (one.kind, str(one.place)))
        object.__setattr__(self, 'added', tuple(in_order))
        taken: set[tuple[str, str]] = set()
        for one in self.added:
            key = one.kind, str(one.place)
            if key in taken:
                raise ValueError(
                    f'additions: expected one {one.kind} at a place, got two '
                    f'at {one.place}.'
                )
            taken.add(key)

    def __iter__(self) -> Iterator[Added]:
        return iter(self.added)

    def __len__(self) -> int:
        return len(self.added)

    def to_json(self) -> list[dict[str, Any]]:
        """Plain data, in which equal settings are written once."""
        groups: dict[str, dict[str, Any]] = {}
        for one in self.added:
            settings = dict(one.settings)
            key = json.dumps([one.kind, settings], sort_keys=True)
            new = {'kind': one.kind, 'settings': settings, 'at': []}
            groups.setdefault(key, new)['at'].append(str(one.place))
        return list(groups.values())

    @classmethod
    def from_json(cls, record: object) -> 'Plan':
        """The inverse of :meth:`to_json`.

        Raises:
            ValueError: If the record is malformed.
        """
        if not isinstance(record, list) or not all(map(_is_group, record)):
            raise ValueError(
                'additions: expected a list of objects with kind, settings '
                f'and at, got {str(record)[:80]}.'
            )
        return cls(
            Added(group['kind'], Place.of(place), group['settings'])
            for group in record
            for place in group['at']
        )


def _is_group(group: object) -> bool:
    return (
        isinstance(group, dict)
        and group.keys() == {'kind', 'settings', 'at'}
        and isinstance(group['kind'], str)
        and isinstance(group['settings'], dict)
        and all(isinstance(key, str) for key in group['settings'])
        and isinstance(group['at'], list)
        and all(isinstance(place, str) for place in group['at'])
    )
