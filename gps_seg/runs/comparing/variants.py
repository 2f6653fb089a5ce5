# Copyright (c) gps_seg contributors. Apache-2.0.
"""The variants of a config: methods by name, or those that it lists itself."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mmengine.config import Config

from gps_seg.peft import METHODS
from gps_seg.peft.settings import did_you_mean
from gps_seg.runs.console.screen import quiet
from gps_seg.runs.method_options import set_method
from gps_seg.runs.scoring.data_sets import UNSEEN

#: Key of a config that holds its variants: name -> overrides by dotted key.
VARIANTS = 'variants'
#: Key with the variants that the others are compared with.
REFERENCES = 'references'
#: Variants that the others are compared with if the config names none.
USUAL_REFERENCES = ('full', 'bias', 'gps random')
#: Key with the rates of variants that are known: name -> multiplier.
RATES = 'rates'


@dataclass(frozen=True)
class Variant:
    """A way to tune the model of a config.

    Args:
        name: Name in tables and folders.
        overrides: Values by dotted key, such as
            ``{'custom_hooks.0.method.k': 2}``.
        method: Name of a method of :data:`gps_seg.peft.METHODS` to set; None
            for the one of the config and the overrides.
        options: Settings of this method, such as ``{'rank': 16}``.
    """

    name: str
    overrides: Mapping[str, Any] = field(default_factory=dict)
    method: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """The name as that of a folder."""
        return '_'.join(self.name.replace('/', ' ').split())

    def of(self, config: Config) -> Config:
        """A copy of a config that trains by this variant."""
        own = copy.deepcopy(config)
        # A run has none of them.
        for key in (VARIANTS, UNSEEN, REFERENCES, RATES):
            own.pop(key, None)
        # MMEngine removes ``_delete_`` from what it merges.
        own.merge_from_dict(copy.deepcopy(dict(self.overrides)))
        if self.method is not None:
            options = {f'method.{k}': v for k, v in self.options.items()}
            with quiet():  # settings of the config's method are dropped
                set_method(own, self.method, options)
        return own


def variants_of(
    config: Config,
    names: Sequence[str] | None,
    options: Mapping[str, Any],
) -> list[Variant]:
    """List the variants to compare.

    Args:
        config: Config that may have ``variants``.
        names: Names of its variants, or of methods of the package; None for
            all variants of the config.
        options: Settings of methods by ``method.key``, such as
            ``{'lora.rank': 16}``.

    Raises:
        ValueError: If a name is unknown or given twice, there is no variant,
            or a setting is not that of a method in ``names``.
    """
    listed = config.get(VARIANTS) or {}
    if names is None:
        names = list(listed)
    if not names:
        raise ValueError(
            f"config: expected '{VARIANTS}', name -> overrides, or --methods, "
            f'got neither ({config.filename}). See '
            'configs/studies/ablation.py.'
        )
    if len(set(names)) < len(names):
        raise ValueError(f'--methods: expected each once, got {list(names)}.')
    settings = _by_method(options, set(names) - set(listed))
    variants = [
        _variant(name, listed, settings.get(name, {})) for name in names
    ]
    _check_folders(variants)
    return variants


def _check_folders(variants: Sequence[Variant]) -> None:
    """Raise ValueError unless each variant has a folder of its own."""
    names: dict[str, str] = {}
    for variant in variants:
        other = names.setdefault(variant.folder, variant.name)
        if variant.folder.strip('.') == '' or other != variant.name:
            raise ValueError(
                'variants: expected names that differ in more than spaces '
                f'and slashes, got {variant.name!r} and {other!r}, both with '
                f'the folder {variant.folder!r}. Rename one.'
            )


def _variant(
    name: str, listed: Mapping[str, Any], options: Mapping[str, Any]
) -> Variant:
    if name in listed:
        return Variant(name, overrides=dict(listed[name]))
    if name in METHODS:
        return Variant(name, method=name, options=options)
    known = [*listed, *METHODS]
    raise ValueError(
        f'--methods: expected variants of the config ({list(listed)}) or '
        f'methods ({sorted(METHODS)}), got {name!r}.'
        + did_you_mean(name, known)
    )


def _by_method(
    options: Mapping[str, Any], methods: set[str]
) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for dotted, value in options.items():
        method, _, key = dotted.partition('.')
        if method not in methods or not key:
            raise ValueError(
                '--method-options: expected METHOD.KEY=VALUE for one of '
                f'{sorted(methods)}, got {dotted}={value}.'
            )
        found.setdefault(method, {})[key] = value
    return found
