# Copyright (c) gps_seg contributors. Apache-2.0.
"""Settings that have no effect when a method tunes the model."""

from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config

from gps_seg.engine.training.accelerator import has_accelerator
from gps_seg.engine.training.wrapper_types import type_name
from gps_seg.peft import PeftMethod

_SHOWN = 5  # keys in a warning


def ignored_settings(config: Config, trained: list[str]) -> Iterator[str]:
    """Describe the ignored settings, one sentence per key.

    Args:
        config: Config of the run.
        trained: Names of the parameters that train, and of those whose rate
            and decay something added takes.
    """
    wrapper = config.get('optim_wrapper') or {}
    custom_keys = (wrapper.get('paramwise_cfg') or {}).get('custom_keys') or {}
    idle = idle_custom_keys(custom_keys, trained)
    if idle:
        yield (
            f'optim_wrapper.paramwise_cfg.custom_keys: {_some(idle)} '
            'match no trained parameter and have no effect.'
        )
    on_cpu = not has_accelerator()
    amp = type_name(wrapper) == 'AmpPeftOptimWrapper'
    if on_cpu and amp and 'loss_scale' in wrapper:
        yield (
            'optim_wrapper.loss_scale: ignored, because bfloat16 on a CPU '
            'needs no scaling.'
        )
    if config.get('find_unused_parameters') and (
        config.get('launcher', 'none') != 'none'
    ):
        yield (
            'find_unused_parameters: ignored, because the optim wrapper '
            'averages the gradients itself, and skips unused parameters.'
        )


def _some(keys: list[str]) -> str:
    """The first keys: a comparison adds one for some parameters each."""
    more = len(keys) - _SHOWN
    return ', '.join(keys[:_SHOWN]) + (f' and {more} more' * (more > 0))


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
            f'PeftHook: {", ".join(ignored)} ignored: method {dict(config)} '
            f'{why}.'
        )


def idle_encoder(method: PeftMethod, trained: list[str]) -> Iterator[str]:
    """Warn if nothing trains in an encoder that the method should tune.

    Args:
        method: Method of the run.
        trained: See :func:`ignored_settings`.
    """
    inside = [n for n in trained if n.startswith(f'{method.encoder}.')]
    if method.tunes_encoder and not inside:
        yield (
            f"PeftHook: nothing trains in '{method.encoder}': it has no "
            'trainable parameter of the kind that the method tunes (does the '
            'config freeze it, or has it no biases?). Only parameters outside '
            'of it train, as in linear tuning.'
        )


def idle_custom_keys(
    custom_keys: Mapping[str, object], names: list[str]
) -> list[str]:
    """The keys that have no effect on any parameter in ``names``.

    MMEngine uses the longest key that a name contains.

    Args:
        custom_keys: ``custom_keys`` of the optim wrapper.
        names: Names of the parameters that train.

    Example:
        >>> idle_custom_keys({'head': {}, 'norm': {}}, ['decode_head.weight'])
        ['norm']
    """
    by_length = sorted(sorted(custom_keys), key=len, reverse=True)
    effective = {
        next((key for key in by_length if key in name), None) for name in names
    }
    return [key for key in custom_keys if key not in effective]
