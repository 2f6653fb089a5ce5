# Copyright (c) gps_seg contributors. Apache-2.0.
"""Turn the settings of a ``CheckpointHook`` into those of a ``DeltaHook``."""

import inspect
import logging
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.hooks import CheckpointHook
from mmengine.logging import print_log

from gps_seg.engine.saving.delta_hook import DeltaHook
from gps_seg.engine.training.wrapper_types import type_name

# MMEngine's default if a config has no checkpoint hook.
DEFAULT = {'type': 'CheckpointHook', 'interval': 1}
TAKEN_OVER = frozenset(inspect.signature(DeltaHook).parameters)


def write_deltas(config: Config) -> None:
    """Replace MMEngine's ``CheckpointHook`` by a ``DeltaHook``.

    The interval and the metric of ``save_best`` are kept. A warning names the
    settings that a ``DeltaHook`` lacks. Any other hook, and
    ``checkpoint=None``, are kept.

    Args:
        config: Config of a run; changed in place.
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
    if stock.interval < 1:  # to MMEngine this means: only at the end
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
            'default_hooks.checkpoint: a DeltaHook replaces CheckpointHook '
            'and ignores these settings, which it does not have: '
            f'{", ".join(ignored)}.',
            logger='current',
            level=logging.WARNING,
        )
    return settings
