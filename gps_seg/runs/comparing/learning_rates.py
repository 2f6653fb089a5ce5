# Copyright (c) gps_seg contributors. Apache-2.0.
"""Multiply the learning rate of what a method trains."""

import copy

from mmengine.config import Config

from gps_seg.engine.training.hook_settings import peft_hook
from gps_seg.peft import METHODS, build_method


def with_rate(config: Config, rate: float) -> Config:
    """A copy of a config that trains the encoder at another learning rate.

    The head keeps its rate, so that it is the same for all methods. A method
    that trains nothing in the encoder has only the head: its rate is
    multiplied.

    Args:
        config: Config with a ``PeftHook``.
        rate: Multiplier of the encoder's learning rate, above 0.

    Raises:
        ValueError: If the config sets rates by the kind of parameter
            (``bias_lr_mult`` ...), which MMEngine does not combine with rates
            by name.
    """
    own = copy.deepcopy(config)
    method = build_method(peft_hook(own).method, METHODS)
    if not method.tunes_encoder:
        own.optim_wrapper.optimizer.lr *= rate
        return own
    settings = own.optim_wrapper.setdefault('paramwise_cfg', {}) or {}
    others = sorted(set(settings) - {'custom_keys'})
    if others:
        raise ValueError(
            '--rates: expected a paramwise_cfg with custom_keys alone, got '
            f'{others}. Without --rates the config is trained as it is.'
        )
    keys = settings.get('custom_keys') or {}
    encoder = dict(keys.get(method.encoder) or {})
    encoder['lr_mult'] = encoder.get('lr_mult', 1.0) * rate
    own.optim_wrapper.paramwise_cfg = dict(
        custom_keys={**keys, method.encoder: encoder}
    )
    return own
