# Copyright (c) gps_seg contributors. Apache-2.0.
"""Facts about a task in its delta; they do not change any weight."""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
import safetensors
import torch

import gps_seg
from gps_seg.additions import Plan
from gps_seg.delta.json_text import MAX_DEPTH, is_too_deep
from gps_seg.text.printable import on_one_line
from gps_seg.text.short import short_method_text

#: Number of metrics in the short form.
_SHOWN = 2


def library_versions() -> dict[str, str]:
    """Versions of the libraries that made a delta."""
    return {
        'gps_seg': gps_seg.__version__,
        'numpy': np.__version__,
        'safetensors': safetensors.__version__,
        'torch': str(torch.__version__),
    }


@dataclass(frozen=True, kw_only=True)
class DeltaInfo:
    """Facts about a task and how it was tuned.

    Args:
        classes: Class names, in the order of the head's channels.
        palette: Colours of the classes (red, green, blue; 0 to 255), or none.
        method: Tuning method and its settings, ``{'type': 'gps', ...}``.
        config: Text of the config of the training.
        metric: Metrics at the time of saving, by name; finite numbers.
        versions: Versions of the libraries, by name.
        seed: Seed of the run, which can draw randomly initialised parts of
            the base again; None if it is unknown.
        added: Plan of what was added to the model, as
            :meth:`gps_seg.additions.Plan.to_json` writes it.
        base: Texts about the pretrained weights, which the fingerprint
            identifies: ``name``, and ``licence`` (an identifier of the
            Hugging Face hub), if they are known.

    Raises:
        ValueError: If a field is malformed.

    Example:
        >>> DeltaInfo(
        ...     classes=('background', 'polyp'),
        ...     method={'type': 'gps', 'k': 1},
        ...     metric={'mDice': 88.2531},
        ... )
        DeltaInfo(gps k=1, 2 classes, mDice 88.25)
    """

    classes: tuple[str, ...] = ()
    palette: tuple[tuple[int, int, int], ...] = ()
    method: Mapping[str, Any] = field(default_factory=dict)
    config: str = ''
    metric: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=library_versions)
    seed: int | None = None
    added: list[dict[str, Any]] = field(default_factory=list)
    base: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, (rule, is_legal) in _RULES.items():
            value = getattr(self, name)
            if not is_legal(value):
                raise ValueError(f'{name}: expected {rule}, got {value!r}.')
        if self.palette and len(self.palette) != len(self.classes):
            raise ValueError(
                f'palette: expected a colour for each of the '
                f'{len(self.classes)} classes, got {len(self.palette)}.'
            )
        object.__setattr__(self, 'classes', tuple(self.classes))
        object.__setattr__(self, 'palette', tuple(map(tuple, self.palette)))
        Plan.from_json(self.added)  # raises if it is malformed

    def __repr__(self) -> str:
        # The config, or 150 class names, would not fit on a line.
        metrics = [f'{n} {v:.2f}' for n, v in self.metric.items()]
        lines = len(self.config.splitlines())
        parts = (
            short_method_text(self.method),
            f'{len(self.classes)} classes' if self.classes else '',
            *metrics[:_SHOWN],
            f'{len(metrics) - _SHOWN} more metrics'
            if len(metrics) > _SHOWN
            else '',
            f'config of {lines} lines' if lines else '',
            '' if self.seed is None else f'seed {self.seed}',
        )
        return f'DeltaInfo({on_one_line(", ".join(filter(None, parts)))})'

    def to_json(self) -> dict[str, Any]:
        """The facts as an object that ``json`` can write."""
        record = asdict(self)
        for name in ('added', 'base'):  # unknown to earlier versions
            if not record[name]:
                del record[name]
        return record

    @property
    def plan(self) -> Plan:
        """What was added to the model."""
        return Plan.from_json(self.added)

    @classmethod
    def from_json(cls, record: object) -> 'DeltaInfo':
        """The inverse of :meth:`to_json`; old records have fewer fields.

        Raises:
            ValueError: If fields are missing, unknown or malformed.
        """
        names = {one.name for one in fields(cls)}
        optional = {'seed', 'added', 'base'}
        if not isinstance(record, dict) or record.keys() | optional != names:
            raise ValueError(
                f'info: expected an object with {sorted(names)}, got '
                f'{list(record) if isinstance(record, dict) else record!r}.'
            )
        return cls(**record)


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple)


def is_text_list(value: Any) -> bool:
    """Whether a value is a list of texts."""
    return _is_list(value) and all(isinstance(item, str) for item in value)


def _is_palette(value: Any) -> bool:
    return _is_list(value) and all(
        _is_list(colour)
        and len(colour) == 3
        and all(type(part) is int and 0 <= part <= 255 for part in colour)
        for colour in value
    )


def _is_settings(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    if is_too_deep(value):
        return False
    return isinstance(value, dict) and all(isinstance(k, str) for k in value)


def _is_metric(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(name, str)
        and type(number) in (int, float)
        and abs(number) <= sys.float_info.max
        for name, number in value.items()
    )


def _is_text_map(value: Any) -> bool:
    return isinstance(value, dict) and is_text_list([*value, *value.values()])


def _is_seed(value: Any) -> bool:
    return value is None or (type(value) is int and abs(value) < 2**64)


_RULES = {
    'classes': ('a list of names', is_text_list),
    'palette': ('a list of three numbers in [0, 255] each', _is_palette),
    'method': (
        f'a dict that JSON can hold, {MAX_DEPTH} levels deep at most',
        _is_settings,
    ),
    'config': ('text', lambda value: isinstance(value, str)),
    'metric': ('a dict of finite numbers', _is_metric),
    'versions': ('a dict of texts', _is_text_map),
    'seed': ('a whole number below 2**64 or None', _is_seed),
    'base': ('a dict of texts', _is_text_map),
}
