# Copyright (c) gps_seg contributors. Apache-2.0.
"""Settings of a config that have no effect when a method tunes the model."""

from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config

from gps_seg.engine.training.accelerator import has_accelerator
from gps_seg.engine.training.wrapper_types import type_name
from gps_seg.peft import PeftMethod
from gps_seg.sparse import Role


def ignored_settings(
    config: Config, roles: Mapping[str, Role]
) -> Iterator[str]:
    """Tell what is ignored, a sentence for each key.

    Args:
        config: Config of the run.
        roles: Role of every parameter, by name.
    """
    wrapper = config.get('optim_wrapper') or {}
    custom_keys = (wrapper.get('paramwise_cfg') or {}).get('custom_keys') or {}
    trained = [name for name, role in roles.items() if role is not Role.FROZEN]
    idle = idle_custom_keys(custom_keys, trained)
    if idle:
        yield (
            'optim_wrapper.paramwise_cfg.custom_keys: no parameter that '
            f'trains goes by {", ".join(idle)}: ignored.'
        )
    on_cpu = not has_accelerator()
    amp = type_name(wrapper) == 'AmpPeftOptimWrapper'
    if on_cpu and amp and 'loss_scale' in wrapper:
        yield (
            'optim_wrapper.loss_scale: bfloat16 on a CPU needs no scaling: '
            'ignored.'
        )
    if config.get('find_unused_parameters') and (
        config.get('launcher', 'none') != 'none'
    ):
        yield (
            'find_unused_parameters: the optim wrapper averages what trains '
            'by itself, used or not: ignored.'
        )


def ignored_by_method(
    method: PeftMethod, config: Mapping[str, Any], given: frozenset[str]
) -> Iterator[str]:
    """Describe the settings that have no effect with a method.

    Args:
        method: Method of the run.
        config: Type and settings of the method.
        given: Names of the other settings given to its ``PeftHook``.
    """
    keys: dict[str, list[str]] = {}
    for key, why in sorted(method.ignored(given).items()):
        keys.setdefault(why, []).append(key)
    for why, ignored in keys.items():
        yield (
            f'PeftHook: {", ".join(ignored)} ignored, for method '
            f'{dict(config)} {why}.'
        )


def idle_encoder(
    method: PeftMethod, roles: Mapping[str, Role]
) -> Iterator[str]:
    """Report that nothing trains in an encoder that the method would tune."""
    inside = {
        role
        for name, role in roles.items()
        if name.startswith(f'{method.encoder}.')
    }
    if method.tunes_encoder and inside <= {Role.FROZEN}:
        yield (
            f"PeftHook: nothing trains in '{method.encoder}': it has no "
            'trainable parameter of the kind that the method takes (is it '
            'frozen by the config, or without biases?). What lies outside of '
            'it trains alone, as by linear tuning.'
        )


def idle_custom_keys(
    custom_keys: Mapping[str, object], names: list[str]
) -> list[str]:
    """The keys by which no parameter among ``names`` gets its settings.

    Of the keys that a name contains MMEngine takes the longest.
    """
    by_length = sorted(sorted(custom_keys), key=len, reverse=True)
    effective = {
        next((key for key in by_length if key in name), None) for name in names
    }
    return [key for key in custom_keys if key not in effective]
