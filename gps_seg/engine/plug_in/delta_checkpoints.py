# Copyright (c) gps_seg contributors. Apache-2.0.
"""From the settings of a ``CheckpointHook`` to those of a ``DeltaHook``."""

import inspect
import logging
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.hooks import CheckpointHook
from mmengine.logging import print_log

from gps_seg.engine.saving.delta_hook import DeltaHook
from gps_seg.engine.training.wrapper_types import type_name

# What MMEngine's runner has when a config says nothing of checkpoints.
DEFAULT = {'type': 'CheckpointHook', 'interval': 1}
TAKEN_OVER = frozenset(inspect.signature(DeltaHook).parameters)


def write_deltas(config: Config) -> None:
    """Let a ``DeltaHook`` take the place of MMEngine's ``CheckpointHook``.

    Interval and the metric of the best validation stay. Settings that a
    ``DeltaHook`` does not have are named in a warning. Any other hook, and
    ``checkpoint=None``, stay as they are.

    Args:
        config: Is changed in place.
    """
    hooks = config.get('default_hooks') or ConfigDict()
    checkpoint = hooks.get('checkpoint', ConfigDict(DEFAULT))
    if checkpoint is None or type_name(checkpoint) != 'CheckpointHook':
        return
    hooks.checkpoint = ConfigDict(_delta_settings(checkpoint, config))
    config.default_hooks = hooks


def _delta_settings(checkpoint: ConfigDict, config: Config) -> dict[str, Any]:
    given = {
        k: v for k, v in checkpoint.items() if k not in ('type', '_scope_')
    }
    stock = CheckpointHook(**given)
    ignored = sorted(given.keys() - TAKEN_OVER)
    settings = {
        'type': 'DeltaHook',
        'interval': stock.interval,
        'by_epoch': stock.by_epoch,
    }
    if stock.interval < 1:  # MMEngine's way to say: only at the end
        loop = config.get('train_cfg') or {}
        settings['interval'] = loop.get('max_iters') or loop.get('max_epochs')
    if stock.save_best == ['auto']:
        ignored.append("save_best='auto' (name the metric)")
    elif stock.save_best:
        settings['save_best'] = stock.save_best[0]
        settings['rule'] = stock.rules[0]
        ignored += [f"save_best '{name}'" for name in stock.save_best[1:]]
    if ignored:
        print_log(
            'default_hooks.checkpoint: deltas are written in place of '
            'checkpoints, and a DeltaHook does not have '
            f'{", ".join(ignored)}: ignored.',
            logger='current',
            level=logging.WARNING,
        )
    return settings
