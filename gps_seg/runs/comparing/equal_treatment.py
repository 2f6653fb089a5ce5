# Copyright (c) gps_seg contributors. Apache-2.0.
"""Variants may differ in the method and in its learning rates, only.

What the configs say is checked before anything trains; what the runs did, as
soon as a run is finished, by its hashes.
"""

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from mmengine.config import Config

from gps_seg.comparison.records import RunRecord
from gps_seg.engine.training.hook_settings import peft_hooks
from gps_seg.runs.comparing.settings import hash_of, settings_that_count

#: Settings of the optimizer in which variants may differ.
_RATES = ('optimizer.lr', 'lr_mult')


def shared_settings(config: Config) -> dict[str, Any]:
    """What is left of them without the method and its learning rates."""
    own = copy.deepcopy(config)
    own.custom_hooks = [
        hook
        for hook in own.get('custom_hooks') or []
        if hook not in peft_hooks(own)
    ]
    wrapper = own.get('optim_wrapper') or {}
    wrapper.pop('paramwise_cfg', None)
    (wrapper.get('optimizer') or {}).pop('lr', None)
    return settings_that_count(own)


def check_equal(configs: Mapping[str, Config]) -> None:
    """Raise ValueError if variants differ in more than method and rates.

    Args:
        configs: Config of each variant, of the same seed.
    """
    (first, wanted), *others = [
        (name, {**shared_settings(config), **_decay(config)})
        for name, config in configs.items()
    ]
    for name, settings in others:
        different = sorted(
            key
            for key in {*wanted, *settings}
            if wanted.get(key) != settings.get(key)
        )
        if different:
            raise ValueError(
                'variants: expected the same settings besides the PeftHook, '
                f'{" and ".join(_RATES)} (optim_wrapper), got different '
                f"{', '.join(different)} in '{first}' and '{name}'. Compare "
                'what differs in other settings by configs of its own.'
            )


def _decay(config: Config) -> dict[str, Any]:
    """What the rates by parameter say, other than rates."""
    settings = (config.get('optim_wrapper') or {}).get('paramwise_cfg') or {}
    keys = settings.get('custom_keys') or {}
    others = {name: _but_rates(key) for name, key in keys.items()}
    found = {
        **{
            k: v for k, v in _but_rates(settings).items() if k != 'custom_keys'
        },
        **{name: key for name, key in others.items() if key},
    }
    return {'paramwise_cfg': found}


def _but_rates(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in settings.items() if not k.endswith('lr_mult')}


def settings_hash(config: Config) -> str:
    """SHA-256 of what all variants share of a config."""
    return hash_of(shared_settings(config))


def check_treated_alike(
    record: RunRecord, others: Iterable[RunRecord]
) -> None:
    """Raise ValueError if a run was treated otherwise than others.

    Args:
        record: New run.
        others: Finished runs of other variants, with the same seed.
    """
    for other in others:
        different = [
            what
            for what, digest in record.treatment.items()
            if other.treatment[what] != digest
        ]
        if different:
            raise ValueError(
                f'treatment: expected the same {", ".join(different)} in '
                f"'{record.variant}' and '{other.variant}', seed "
                f'{record.seed}, got different ones. Were they trained with '
                'the same versions of code, data and packages? Use another '
                '--work-dir to repeat all runs.'
            )
