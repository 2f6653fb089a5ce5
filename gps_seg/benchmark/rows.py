# Copyright (c) gps_seg contributors. Apache-2.0.
"""The rows of a run: which method is measured, and how its host runs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from gps_seg.benchmark.methods import METHODS
from gps_seg.peft import METHODS as PEFT_METHODS
from gps_seg.peft import build_method

#: Whether attention layers keep no matrix of tokens x tokens, or run as the
#: host's own class does.
ATTENTIONS = ('fused', 'shipped')
#: What is computed again in the backward pass: nothing, MLPs or whole blocks
#: by this package, whole blocks by the host's ``with_cp``, or their MLPs too.
VARIANTS = ('plain', 'mlps', 'blocks', 'with_cp', 'mlps+with_cp')


class Match(NamedTuple):
    """A setting that makes two rows train about as many values.

    Args:
        setting: Integer setting of the method; more of it trains more.
        k: Connections per neuron of the row ``ours`` that it should equal.
    """

    setting: str
    k: int


@dataclass(frozen=True)
class Row:
    """A method at one number of connections per neuron, on one host.

    Args:
        method: Key of :data:`~gps_seg.benchmark.methods.METHODS`.
        k: Connections per neuron; None for a method that does not use the
            common selection.
        label: Name in tables and pictures.
        settings: Settings of a method of this package.
        attention: One of :data:`ATTENTIONS`.
        variant: One of :data:`VARIANTS`.
        match: Setting that is still to be found; None for none.
    """

    method: str
    k: int | None
    label: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    attention: str = 'fused'
    variant: str = 'plain'
    match: Match | None = None


def label_of(name: str, attention: str, variant: str = 'plain') -> str:
    """Name of a row in tables and pictures.

    Args:
        name: Name of the method, perhaps with its k.
        attention: One of :data:`ATTENTIONS`.
        variant: One of :data:`VARIANTS`.

    Example:
        >>> label_of('ours k=1', 'shipped', 'mlps')
        'ours k=1 mlps (shipped)'
    """
    parts = [name]
    if variant != 'plain':
        parts.append(variant)
    if attention == 'shipped':
        parts.append('(shipped)')
    return ' '.join(parts)


def rows_of(
    methods: Sequence[str],
    ks: Sequence[int],
    options: Mapping[str, Any] | None = None,
    *,
    attentions: Sequence[str] = ('fused',),
    variants: Sequence[str] = ('plain',),
    equal_sizes: Sequence[str] = (),
) -> list[Row]:
    """One row per method, attention and variant, and one per k for ours.

    The rivals that select use the first k: they handle dense tensors, so
    their cost hardly depends on it.

    Args:
        methods: Keys of :data:`~gps_seg.benchmark.methods.METHODS`.
        ks: Numbers of connections per neuron.
        options: Settings of methods of this package by dotted key, such as
            ``{'lora.rank': 16}``.
        attentions: Some of :data:`ATTENTIONS`.
        variants: Some of :data:`VARIANTS`.
        equal_sizes: Integer settings by dotted key, such as
            ``paca.columns``: one more row each, with about as many trained
            values as ours at the first k.

    Raises:
        ValueError: If a method, attention or variant is unknown or repeated,
            a k is not positive or repeated, or settings are wrong or missing.

    Example:
        >>> [row.label for row in rows_of(['full', 'ours'], ks=[1, 5])]
        ['full', 'ours k=1', 'ours k=5']
        >>> (row,) = rows_of(['lora'], ks=[1], options={'lora.rank': 2})
        >>> row.settings
        {'rank': 2}
        >>> both = ('fused', 'shipped')
        >>> [row.label for row in rows_of(['full'], [1], attentions=both)]
        ['full', 'full (shipped)']
    """
    _check_names('methods', methods, METHODS)
    _check_names('attention', attentions, ATTENTIONS)
    _check_names('variants', variants, VARIANTS)
    _check_ks(ks)
    settings = _settings_of(methods, options or {})
    plain = [
        *(row for name in methods for row in _of_method(name, ks, settings)),
        *(_of_equal_size(key, ks[0]) for key in equal_sizes),
    ]
    return [
        replace(
            row,
            label=label_of(row.label, attention, variant),
            attention=attention,
            variant=variant,
        )
        for row in plain
        for attention in attentions
        for variant in variants
    ]


def _of_method(
    name: str, ks: Sequence[int], settings: Mapping[str, dict[str, Any]]
) -> Iterator[Row]:
    if name == 'ours':
        yield from (Row(name, k, f'ours k={k}') for k in ks)
    elif METHODS[name].selects:
        yield Row(name, ks[0], name)
    else:
        yield Row(name, None, name, settings.get(name, {}))


def _of_equal_size(key: str, k: int) -> Row:
    name, _, setting = key.partition('.')
    if name not in PEFT_METHODS or not setting:
        raise ValueError(
            'equal-size: expected METHOD.KEY with a method of the package, '
            f'such as paca.columns, got {key}.'
        )
    _build(name, {setting: 1}, f'--equal-size {name}.KEY')
    return Row(name, None, f'{name} equal size', match=Match(setting, k))


def _settings_of(
    methods: Sequence[str], options: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """The settings of each method of this package; checked."""
    own = [name for name in methods if name in PEFT_METHODS]
    found: dict[str, dict[str, Any]] = {name: {} for name in own}
    for key, value in options.items():
        name, _, setting = key.partition('.')
        if name not in found or not setting:
            raise ValueError(
                'method-options: expected METHOD.KEY=VALUE with a method '
                f'among {", ".join(own) or "none"}, got {key}.'
            )
        found[name][setting] = value
    for name, settings in found.items():
        _build(name, settings, f'--method-options {name}.KEY=VALUE')
    return found


def _build(name: str, settings: Mapping[str, Any], option: str) -> None:
    """Build a method of this package, to see whether its settings fit."""
    try:
        build_method({'type': name, **settings}, PEFT_METHODS)
    except (TypeError, ValueError) as error:
        raise ValueError(f'{error} (method {name}; {option})') from error


def _check_names(
    option: str,
    got: Sequence[str],
    known: Mapping[str, Any] | Sequence[str],
) -> None:
    unknown = [name for name in got if name not in known]
    if unknown or not got or len(set(got)) < len(got):
        raise ValueError(
            f'{option}: expected different ones of {", ".join(known)}, '
            f'got {", ".join(got) or "none"}.'
        )


def _check_ks(ks: Sequence[int]) -> None:
    if not ks or min(ks) < 1 or len(set(ks)) < len(ks):
        raise ValueError(
            'k: expected different numbers of connections per neuron, each '
            f'1 or more, got {list(ks)}.'
        )
