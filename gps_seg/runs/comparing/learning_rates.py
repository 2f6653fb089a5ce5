# Copyright (c) gps_seg contributors. Apache-2.0.
"""Multiply the learning rate of what a method trains."""

import copy
from typing import Any

from mmengine.config import Config, ConfigDict

from gps_seg.engine.training.hook_settings import peft_hook
from gps_seg.engine.training.wrapper_types import type_name
from gps_seg.peft import METHODS, build_method
from gps_seg.runs.comparing.rate_keys import keys_with_rate
from gps_seg.runs.console.screen import quiet
from gps_seg.runs.counting.shapes import model_of_shapes

#: Constructor of MMEngine, which reads ``custom_keys``.
_CONSTRUCTOR = 'DefaultOptimWrapperConstructor'


def with_rate(config: Config, rate: float) -> Config:
    """A copy of a config that trains the encoder at another learning rate.

    The head keeps its rate, so that it is the same for all methods. All decays
    stay. A method that trains nothing in the encoder has only the head: its
    rate is multiplied.

    Args:
        config: Config with a ``PeftHook``. Its model is built without memory,
            for the names of its parameters.
        rate: Multiplier of the encoder's learning rate, above 0.

    Raises:
        ValueError: If the config sets rates by the kind of parameter
            (``bias_lr_mult`` ...), which MMEngine does not combine with rates
            by name, or by a constructor of its own.
    """
    own = copy.deepcopy(config)
    method = build_method(peft_hook(own).method, METHODS)
    if not method.tunes_encoder:
        own.optim_wrapper.optimizer.lr *= rate
        return own
    keys = _custom_keys(own.optim_wrapper)
    own.optim_wrapper.paramwise_cfg = dict(
        custom_keys=keys_with_rate(
            keys, method.encoder, rate, _parameter_names(own)
        )
    )
    return own


def _custom_keys(wrapper: ConfigDict) -> dict[str, Any]:
    """The rates by name of an optim wrapper, which has no others."""
    constructor = wrapper.get('constructor') or _CONSTRUCTOR
    if type_name({'type': constructor}) != _CONSTRUCTOR:
        raise ValueError(
            f'--rates: expected {_CONSTRUCTOR}, got {constructor!r} '
            '(optim_wrapper.constructor), which may set rates in its own way. '
            'Without --rates the config is trained as it is.'
        )
    settings = wrapper.get('paramwise_cfg') or {}
    others = sorted(set(settings) - {'custom_keys'})
    if others:
        raise ValueError(
            '--rates: expected a paramwise_cfg with custom_keys alone, got '
            f'{others}. Without --rates the config is trained as it is.'
        )
    return settings.get('custom_keys') or {}


def _parameter_names(config: Config) -> list[str]:
    """Names of the model's parameters; none without a model.

    A config without one is refused where it is trained.
    """
    if not config.get('model'):
        return []
    with quiet():
        model = model_of_shapes(config)
    return [name for name, _ in model.named_parameters(remove_duplicate=False)]
